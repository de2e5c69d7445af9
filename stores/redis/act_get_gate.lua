--#flags allow-oom
--#needs refs
-- args: job, scope, gate, names
local number = find_job(args[1])
if not number then
	return refuse('NOT_FOUND', 'there is no job ' .. args[1])
end
local gate = args[2] .. '/' .. args[3]
local row = call('HMGET', prefix .. 'gate:' .. number, 'p' .. gate, 'v' .. gate)
local answer = { tonumber(row[1] or 0), tonumber(row[2] or 0) }
for _, name in ipairs(args[4]) do
	local at = args[2] .. '/' .. name .. '/'
	local counts = call('HMGET', prefix .. 'tally:' .. number, at .. 'b', at .. 'c', at .. 'f', at .. 'i',
		at .. 's', at .. 'x', at .. 'e')
	for i = 1, 7 do
		counts[i] = tonumber(counts[i] or 0)
	end
	answer[#answer + 1] = counts
end
return answer
