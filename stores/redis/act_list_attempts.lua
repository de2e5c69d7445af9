--#flags allow-oom
--#needs waiting
-- args: id, first record, how many. Answers rows {attempt, entry, output} and whether there are more.
local ref = find_ref(args[1])
local t = ref and load_task(ref)
if not t or state_of(t) < 0 then
	return refuse('NOT_FOUND', 'there is no task ' .. args[1])
end
local rows = {}
local last = math.min(t.records, args[2] + args[3] - 1)
for i = args[2], last do
	local field = t.field .. ':' .. i
	local row = call('HMGET', t.key, 'a' .. field, 'o' .. field)
	if row[1] and row[2] then
		local texts = decode(row[2])
		rows[#rows + 1] = { decode(row[1])[1], texts[1], texts[2] }
	end
end
return { rows, last < t.records and 1 or 0 }
