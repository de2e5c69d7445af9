-- A job as people see it; the same cost whatever its size.
--#needs refs

local function describe_job(number)
	local row = call('HMGET', prefix .. 'j:' .. number, 'id', 'workflow', 'hash', 'key', 'payload',
		'reason', 'state', 'created', 'finished')
	if row[6] == '' then
		row[6] = false
	end
	for i = 7, 9 do
		row[i] = tonumber(row[i] or 0)
	end
	local key = prefix .. 'tally:' .. number
	local listed = call('HGET', key, '#')
	local names = {}
	for i, name in ipairs(listed and decode(listed) or {}) do
		local at = '0/' .. name .. '/'
		local counts = call('HMGET', key, at .. 'b', at .. 'w', at .. 'k', at .. 'c', at .. 'f', at .. 'i',
			at .. 's', at .. 'x')
		local queued = 0
		for c = 1, 8 do
			counts[c] = tonumber(counts[c] or 0)
			queued = queued + (c == 1 and counts[c] or -counts[c])
		end
		-- waiting, queued, working, then the ends, as the states are numbered
		names[i] = { name, counts[2], queued, counts[3], counts[4], counts[5], counts[6], counts[7],
			counts[8] }
	end
	row[10] = names
	return row
end
