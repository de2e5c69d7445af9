--#flags allow-oom
--#needs births lease
-- args: commits, a request or false, ids of others that will wait. A commit: id, attempt, owner, nonce, outcome, result, reason,
-- failures, crashes, losses, delay, gate_version, entry, output, effects.
--#const RETRY 5
--#const WAIT 6
--#const GIVE_BACK 7
local ENDS = { [0] = COMPLETED, FAILED, INVALID, SKIPPED, CANCELLED }
local END_LETTERS = { [COMPLETED] = 'c', [FAILED] = 'f', [INVALID] = 'i', [SKIPPED] = 's',
	[CANCELLED] = 'x' }

local function wait_again(t, commit)
	local version = call('HGET', prefix .. 'gate:' .. t.number, 'v' .. gate_name(t))
	t.attempt = t.attempt - 1
	if tonumber(version or 0) == commit[12] then
		wait_for_gate(t)
	else
		queue_task(t, now)
	end
end

local function settle(t, commit, outcome)
	if outcome == RETRY then
		queue_task(t, now + commit[11])
	elseif outcome == WAIT then
		wait_again(t, commit)
	elseif outcome == GIVE_BACK then
		t.losses = t.losses + commit[10]
		keep_task(t, t.due)
	else
		end_task(t, ENDS[outcome])
	end
end

-- Result and reason of an ended task join its row, as arguments of HSET.
local function keep_ends(t, commit, row)
	if commit[6] then
		row[#row + 1] = 'r' .. t.field
		row[#row + 1] = commit[6]
		if t.job then
			t.job.results = 1
		else
			call('ZADD', prefix .. 'results', now, 'p' .. t.number)
		end
	end
	if commit[7] then
		row[#row + 1] = 'e' .. t.field
		row[#row + 1] = commit[7]
	end
end

local freed = {}

local function commit_held(t, commit)
	local outcome, effects = commit[5], commit[15]
	local has_spawned, cancelled, woke = t.spawned > 0, is_cancelled(t), false
	take_back(t)
	local row = { record(t, commit[4], commit[13], commit[14]) }
	t.failures, t.crashes = commit[8], commit[9]
	if cancelled and not ENDS[outcome] then
		outcome = 4
	end
	local bears = has_spawned and outcome == 0 and not cancelled
	if has_spawned and not bears then
		drop_ahead(t)
	end
	if t.job and not cancelled then
		woke = apply(t.job, tonumber(sub(t.ref, 11), 16), effects, bears and t)
	end
	settle(t, commit, outcome)
	if ENDS[outcome] then
		keep_ends(t, commit, row)
		if t.job and cancelled then
			tally(t.number, 0, t.name, END_LETTERS[t.state], 1)
		elseif t.job and effects[4] then
			t.flags = t.flags + 2
			t.job.failing = t.job.failing + 1
		end
	end
	row[#row + 1] = 's' .. t.field
	row[#row + 1] = state_row(t)
	call('HSET', t.key, unpack(row))
	local ended = t.job and settle_job(t.job)
	freed[t.queue] = true
	return { 0, woke and 1 or 0, ended and 1 or 0 }
end

local function commit_one(commit)
	local ref = find_ref(commit[1])
	local t = ref and load_task(ref)
	if not t then
		return { 2, 0, 0 }
	elseif is_held(t, commit[2], commit[3], commit[4]) then
		return commit_held(t, commit)
	end
	return { has_committed(t, commit[2], commit[4]) and 1 or 2, 0, 0 }
end

for _, commit in ipairs(args[1]) do
	if commit[5] == WAIT then
		args[3][#args[3] + 1] = commit[1]
	end
end
for _, id in ipairs(args[3]) do
	local ref = find_ref(id)
	local t = ref and load_task(ref)
	if t and not t.gate then
		return refuse('INVALID', 'task ' .. id .. ' waits for nothing')
	end
end
local answers, batch, next_ms, limited = {}, {}, -1, 0
for i, commit in ipairs(args[1]) do
	answers[i] = commit_one(commit)
end
if args[2] then
	batch, next_ms, limited = lease(args[2])
end
for queue in pairs(freed) do
	ring_freed(queue, batch)
end
return finish({ answers, batch, next_ms, limited })
