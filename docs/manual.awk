# Makes the source of a manual page (scdoc(5)) of configuration.md, which uses headings, tables,
# blocks of code, `code`, **bold** and plain paragraphs.
function escaped(text) {
	gsub(/\\/, "\\\\", text)
	gsub(/_/, "\\_", text)
	gsub(/\*/, "\\*", text)
	return text
}
# Code and bold text are bold on the page; a link is its text.
function inline(text,    out, at, part, in_span) {
	while (match(text, /\[[^]`]*\]\([^)]*\)/)) {
		part = substr(text, RSTART + 1, RLENGTH - 1)
		sub(/\].*/, "", part)
		text = substr(text, 1, RSTART - 1) part substr(text, RSTART + RLENGTH)
	}
	out = ""
	in_span = 0
	for (at = 1; at <= length(text); at++) {
		part = substr(text, at, 1)
		if (part == "`") {
			in_span = !in_span
			out = out "*"
		} else if (!in_span && substr(text, at, 2) == "**") {
			at++
			out = out "*"
		} else {
			out = out escaped(part)
		}
	}
	return out
}
function cells(row,    count) {
	sub(/^\| */, "", row)
	sub(/ *\|$/, "", row)
	count = split(row, cell, / \| /)
	return count
}
BEGIN {
	print "reeve.yaml(5)\n\n# NAME\n\nreeve.yaml - configuration of reeve(1)\n\n# DESCRIPTION\n"
}
/^```/ { print "```"; in_code = !in_code; next }
in_code { print; next }
/^# / || /^<!--/ { next }
/^## / { print "# " toupper(inline(substr($0, 4))); next }
/^### / { print "## " inline(substr($0, 5)); next }
/^\|[-|]*\|$/ { next }
/^\|/ {
	count = cells($0)
	if (!in_table) {
		in_table = 1
		for (i = 1; i <= count; i++)
			head[i] = cell[i]
		next
	}
	print inline(cell[1])
	line = inline(cell[count])
	if (line !~ /\.$/)
		line = line "."
	for (i = 2; i < count; i++)
		line = line " " toupper(substr(head[i], 1, 1)) substr(head[i], 2) ": " inline(cell[i]) "."
	print "\t" line "\n"
	next
}
{ in_table = 0; print inline($0) }
END { print "\n# SEE ALSO\n\n*reeve*(1)" }
