--#flags allow-oom
--#needs core
--#const BEATS_MAX 1000
-- args: id or false, text, how long it holds; whether to list
local texts, ends = prefix .. 'beats', prefix .. 'beats:until'
if args[1] then
	call('HSET', texts, args[1], fmt('%.0f ', now) .. args[2])
	call('ZADD', ends, now + args[3], args[1])
	local lapsed = call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 500)
	if #lapsed > 0 then
		call('HDEL', texts, unpack(lapsed))
		call('ZREM', ends, unpack(lapsed))
	end
end
local list = {}
if args[4] then
	local ids = call('ZRANGEBYSCORE', ends, '(' .. fmt('%.0f', now), '+inf', 'LIMIT', 0, BEATS_MAX)
	table.sort(ids)
	local found = #ids > 0 and call('HMGET', texts, unpack(ids)) or {}
	for i, id in ipairs(ids) do
		if found[i] then
			local space = found[i]:find(' ', 1, true)
			list[#list + 1] = { id, sub(found[i], space + 1), now - sub(found[i], 1, space - 1) }
		end
	end
end
return list
