#!/usr/bin/env python3
"""Puts the scripts of the Redis store together and writes them as C.

usage: embed.py HEADER SOURCE FOLDER
Each act_NAME.lua begins with `--#flags` (of the `#!lua` line, see
https://redis.io/docs/latest/develop/programmability/eval-intro/#eval-flags) and `--#needs`: the files
that go in front of it, which need others in their turn. Of all these only what the act refers to is
taken, since each call of a script makes its functions anew; comments and indentation are left out.
`--#const NAME NUMBER` is a name for a number. The files are functions inside each other: a closure that
refers to a local of the function around it searches the list of all such locals, one that refers
further out does not."""
import hashlib
import pathlib
import re
import sys

header_path, source_path, folder = map(pathlib.Path, sys.argv[1:])
WORD = re.compile(r"[A-Za-z_]\w*")
LOCAL = re.compile(r"local (?:function )?(\w+(?:, \w+)*)")
constants = dict(words.split()[1:] for path in sorted(folder.glob("*.lua"))
                 for words in path.read_text(encoding="utf-8").splitlines() if words.startswith("--#const "))


class Chunk:
    """A statement of a file's own level: it begins at the margin, and so may its end."""

    def __init__(self, lines):
        self.text = "\n".join(lines)
        local = LOCAL.match(self.text)
        plain = re.match(r"(\w+)\.", self.text)  # NAME.member = …: belongs to NAME
        self.names = local.group(1).split(", ") if local else [plain.group(1)] if plain else []
        self.words = set(WORD.findall(self.text))


def read_marks(path, mark):
    """The words of the file's line `--#MARK`; none where it has no such line."""
    lines = [line.split()[1:] for line in path.read_text(encoding="utf-8").splitlines()
             if line.split()[:1] == ["--#" + mark]]
    return lines[0] if lines else []


def list_files(path, listed):
    """Adds the file to the list, and before it all that it needs."""
    for name in read_marks(path, "needs"):
        list_files(folder / f"{name}.lua", listed)
    if path not in listed:
        listed.append(path)
    return listed


def read_chunks(path):
    chunks, lines = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        code = line.split(" -- ")[0].rstrip()
        if not code or code.lstrip().startswith("--"):
            continue
        begins = code[0] not in "\t})" and not re.match(r"(end|else|elseif)\b", code)
        if begins and lines:
            chunks.append(Chunk(lines))
            lines = []
        code = re.sub(r"(?<!')\b[A-Z_]+\b(?!')", lambda word: constants.get(word.group(), word.group()), code)
        lines.append(code.strip())
    return chunks + [Chunk(lines)]


def choose(files):
    """The chunks that the last file refers to, directly or not, and those that do something."""
    everything = [chunk for chunks in files for chunk in chunks]
    taken = set(files[-1]) | {chunk for chunk in everything if not chunk.names}
    while True:
        words = set().union(*(chunk.words for chunk in taken))
        more = {chunk for chunk in everything if words & set(chunk.names)} - taken
        if not more:
            return [[chunk.text for chunk in chunks if chunk in taken] for chunks in files]
        taken |= more


def put_together(path):
    flags = read_marks(path, "flags")
    first = "#!lua" + (" flags=" + ",".join(flags) if flags else "") + "\n"
    files = choose([read_chunks(file) for file in list_files(path, [])])
    parts = ["\n".join(texts) for texts in files if texts]
    return first, "\nreturn (function()\n".join(parts) + "\nend)()" * (len(parts) - 1) + "\n"


header, source, table = [], [], []
for act in sorted(folder.glob("act_*.lua")):
    name = act.stem[len("act_"):]
    first, rest = put_together(act)
    whole = (first + rest).encode()
    bytes_ = ",".join(str(byte) for byte in whole)
    header.append(f"\tREDIS_{name.upper()},")
    source.append(f"static const char {name}_text[] = {{{bytes_},0}};")
    sha_whole = hashlib.sha1(whole).hexdigest()
    sha_rest = hashlib.sha1(rest.encode()).hexdigest()
    table.append(f'\t[REDIS_{name.upper()}] = {{ "{name}", {name}_text, sizeof {name}_text - 1, {len(first)},'
                 f' "{sha_whole}", "{sha_rest}" }},')

header_path.write_text("#pragma once\n/* Made by stores/redis/embed.py: one script per act. */\n"
                       "#include <stddef.h>\n\nenum redis_script {\n" + "\n".join(header) +
                       "\n\tREDIS_SCRIPTS\n};\n\n"
                       "struct redis_script_text {\n\tconst char *name, *text;\n"
                       "\tsize_t length, first_line;\n\tconst char *sha1, *sha1_rest;\n};\n"
                       "extern const struct redis_script_text redis_script_texts[REDIS_SCRIPTS];\n")
source_path.write_text(f'#include "{header_path.name}"\n\n' + "\n".join(source) +
                       "\n\nconst struct redis_script_text redis_script_texts[REDIS_SCRIPTS] = {\n" +
                       "\n".join(table) + "\n};\n")
