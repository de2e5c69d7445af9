--#flags allow-oom
--#needs core
-- args: names
local list = {}
for i, name in ipairs(args) do
	local row = call('HGET', prefix .. 'schedules', name)
	local space = row and row:find(' ', 1, true)
	list[i] = row and { tonumber(sub(row, 1, space - 1)), sub(row, space + 1) } or { 0, false }
end
return list
