--#flags allow-oom
--#needs places limits
-- args: queue. What is delayed and due by now may run: a lease would take it. Where very many entries
-- are, each one beyond LOOKS counts as one task.
--#const LOOKS 200
local queue = args[1]
local counts = call('HMGET', prefix .. 'queue:' .. queue, 'r', 'd', 'k', 'c', 'f', 'u', 's', 'p')
for i = 1, 8 do
	counts[i] = tonumber(counts[i] or 0)
end
local due, oldest = 0, false
local clock = prefix .. 'clock:' .. queue
local members = call('ZRANGEBYSCORE', clock, '-inf', now, 'LIMIT', 0, LOOKS)
for _, member in ipairs(members) do
	if sub(member, 1, 1) == 'd' then
		local entry = sub(member, 5)
		due = due + (#entry > 17 and count_line(sub(entry, 12), sub(entry, 1, 10)) or 1)
		oldest = oldest or tonumber(call('ZSCORE', clock, member))
	end
end
if #members == LOOKS then
	due = math.min(due + call('ZCOUNT', clock, '-inf', now) - LOOKS, counts[2])
end
if not oldest and counts[1] > 0 then
	local head = call('ZRANGE', prefix .. 'ready:' .. queue, 0, 0, 'WITHSCORES')
	local score = tonumber(head[2] or 0)
	oldest = score - floor(score / PRIORITY) * PRIORITY
end

-- Of the outbox: what is due later.
local later = 0
local later_list = prefix .. 'later:' .. queue
local entries = call('ZRANGEBYSCORE', later_list, '(' .. now, '+inf', 'LIMIT', 0, LOOKS)
for _, entry in ipairs(entries) do
	later = later + (#entry > 17 and count_line(sub(entry, 12), sub(entry, 1, 10)) or 1)
end
if #entries == LOOKS then
	later = later + call('ZCOUNT', later_list, '(' .. now, '+inf') - LOOKS
end
local outbox = counts[6] + counts[7]
local span = tonumber(call('HGET', prefix .. 'taken:' .. queue, 's') or 0)
local taken, free_ms = 0, 0
if span > 0 then
	taken, free_ms = count_taken(queue, span)
end
return { counts[1] + due + counts[8] + outbox - later, counts[2] - due + later, counts[3], call('ZCARD', prefix .. 'dead:' .. queue),
	oldest and math.max(0, now - oldest) or 0, counts[4], counts[5], counts[6], counts[7],
	tonumber(call('HGET', prefix .. 'paused', queue) or 0), span, taken, free_ms }
