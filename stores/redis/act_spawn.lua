--#flags
--#needs ends
-- args: id, attempt, owner, nonce, first index, children {name, queue, payload, priority, delay,
-- scopes, waits, wait_scope, wait_gate, wait_timeout}, whether they are those of the commit to come,
-- which have indexes of their own. A chunk is in the task hashes and in the lines of
-- its attempt; nothing leads to it until the attempt's commit enters the lines into queues.
local ref = find_ref(args[1])
local t = ref and load_task(ref)
if not t or not is_held(t, args[2], args[3], args[4]) then
	return refuse('CONFLICT', 'task ' .. args[1] .. ' is not held by this token')
elseif t.is_pushed then
	return refuse('INVALID', 'task ' .. args[1] .. ' has no job and may not spawn')
end
local job, children = t.job, args[6]
local parent = tonumber(sub(ref, 11), 16)
local key = prefix .. 'ahead:' .. ref
local row = call('GET', key)
local ahead = row and decode(row) or { 0, {}, 0 }
local series = args[7] and 3 or 1
if args[5] < (ahead[series] or 0) then
	return 1 -- this chunk is written
end

-- Children of one rank share a line; of those that wait their names and gates do too.
local function rank_of(queue, priority, delay, wait)
	local rank = queue .. '\n' .. priority .. '\n' .. delay
	return wait and rank .. '\n' .. table.concat(wait, '\n') or rank
end

local by_rank, hashes, seqs = {}, {}, {}
for _, line in ipairs(ahead[2]) do
	by_rank[rank_of(line[2], line[3], line[4], line[6])] = line
end
for _, child in ipairs(children) do
	local wait = child[7] and { child[1], child[8], child[9], child[10] }
	local rank = rank_of(child[2], child[4], child[5], wait)
	local line = by_rank[rank]
	if not line then
		line = { new_line(), child[2], child[4], child[5], 0, wait }
		by_rank[rank] = line
		ahead[2][#ahead[2] + 1] = line
	end
	line[5] = line[5] + 1
	local child_place, field = place(child_ref(t.number, job.seq))
	local fields = hashes[child_place]
	if not fields then
		fields = {}
		hashes[child_place] = fields
	end
	fields[#fields + 1] = 'b' .. field
	fields[#fields + 1] = encode({ child[1], child[2], child[4], parent, child[6], 0, line[1],
		child[7] and child[9], child[8], child[10], child[5] })
	fields[#fields + 1] = 'p' .. field
	fields[#fields + 1] = child[3]
	local list = seqs[line[1]]
	if not list then
		list = {}
		seqs[line[1]] = list
	end
	list[#list + 1] = fmt('%07x', job.seq)
	job.seq = job.seq + 1
end
for child_place, fields in pairs(hashes) do
	call('HSET', child_place, unpack(fields))
end
for line, list in pairs(seqs) do
	call('RPUSH', prefix .. 'line:' .. line, unpack(list))
end
ahead[series] = args[5] + #children
call('SET', key, encode(ahead))
if t.spawned == 0 then
	t.spawned = 1
	store_task(t)
end
return finish(1)
