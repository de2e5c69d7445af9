--#flags
--#needs ends
-- args: id, attempt, owner, nonce, first index, children {name, queue, payload, priority, delay,
-- scopes}. A chunk is in the task hashes and in the lines of its attempt; nothing leads to it until
-- the attempt's commit enters the lines into queues.
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
local ahead = row and decode(row) or { 0, {} }
if args[5] < ahead[1] then
	return 1 -- this chunk is written
end

local by_rank, hashes, seqs = {}, {}, {}
for _, line in ipairs(ahead[2]) do
	by_rank[line[2] .. '\n' .. line[3] .. '\n' .. line[4]] = line
end
for _, child in ipairs(children) do
	local rank = child[2] .. '\n' .. child[4] .. '\n' .. child[5]
	local line = by_rank[rank]
	if not line then
		line = { fmt('%010x', call('HINCRBY', meta, 'line', 1)), child[2], child[4], child[5], 0 }
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
	fields[#fields + 1] = encode({ child[1], child[2], child[4], parent, child[6], 0, line[1], false,
		0, 0, child[5] })
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
ahead[1] = args[5] + #children
call('SET', key, encode(ahead))
if t.spawned == 0 then
	t.spawned = 1
	store_task(t)
end
return finish(1)
