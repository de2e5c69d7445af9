--#flags allow-oom
--#needs doom
-- args: limit, how long messages are known (ms). One page of what nobody waits for; answers how many
-- rows were dropped, and whether there may be more.
local limit = args[1]
local left, dropped = limit, 0

-- Children of attempts that came to nothing.
local function drop_unborn()
	while left > 0 do
		local member = call('LINDEX', prefix .. 'dropped', 0)
		if not member then
			return
		end
		local line = prefix .. 'line:' .. sub(member, 1, 10)
		local seqs = call('LPOP', line, left)
		for _, seq in ipairs(seqs or {}) do
			local key, field = place(sub(member, 12) .. seq)
			call('HDEL', key, 'b' .. field, 'p' .. field)
		end
		dropped = dropped + (seqs and #seqs or 0)
		left = left - 1 - (seqs and #seqs or 0)
		if call('EXISTS', line) == 0 then
			call('LPOP', prefix .. 'dropped')
		end
	end
end

local function forget_messages()
	local old = call('ZRANGEBYSCORE', prefix .. 'known', '-inf', '(' .. now - args[2], 'LIMIT', 0, left)
	if #old > 0 then
		dropped = dropped + call('ZREM', prefix .. 'known', unpack(old))
		left = left - #old
	end
end

drop_unborn()
if left > 0 then
	left = left - sweep_doomed(left)
end
if left > 0 then
	forget_messages()
end
return finish({ dropped, left <= 0 and 1 or 0 })
