-- How tasks and jobs end, and what each script ends with.
--#needs leaving

local function is_dead(state)
	return state == FAILED or state == INVALID
end

local function keep_remains(kind, number, is_good)
	call('ZADD', prefix .. (is_good and 'ended:good' or 'ended:bad'), now, kind .. number)
end

local function key_of_job(job)
	return 'j' .. job.workflow .. '\n' .. job.key
end

local function drop_key(key, number)
	if call('HGET', prefix .. 'keys', key) == number then
		call('HDEL', prefix .. 'keys', key)
	end
end

-- Ends the job where nothing of it can run any more; a cancelled one not before end_cancelled has come
-- to its end.
local function settle_job(job)
	local is_cancelled_job = job.state == JOB_CANCELLED
	local queued = is_cancelled_job and 0 or job.queued
	if job.finished > 0 or queued + job.working > 0 or
		(is_cancelled_job and call('SISMEMBER', prefix .. 'ending', job.number) == 1) then
		return false
	end
	if job.state == JOB_RUNNING and job.waiting > 0 then
		local one = job.waiting == 1
		job.state = JOB_FAILED
		job.reason = fmt('nothing can run any more, but %d task%s still wait%s', job.waiting,
			one and '' or 's', one and 's' or '')
	elseif job.state == JOB_RUNNING then
		job.state = JOB_COMPLETED
	end
	job.finished = now
	if job.key then
		drop_key(key_of_job(job), job.number)
	end
	call('ZREM', prefix .. 'running', job.id)
	keep_remains('j', job.number, job.state == JOB_COMPLETED)
	if job.results > 0 then
		call('ZADD', prefix .. 'results', now, 'j' .. job.number)
	end
	return true
end

-- Ends a task that stands nowhere; the caller stores it.
local function end_task(t, state)
	t.state, t.finished, t.line, t.place = state, now, '', ''
	leave_group(t)
	if state == COMPLETED then
		count(t.queue, 'c', 1)
	elseif is_dead(state) then
		count(t.queue, 'f', 1)
		call('ZADD', prefix .. 'dead', 0, t.ref)
		call('ZADD', prefix .. 'dead:' .. t.queue, 0, t.ref)
	end
	if t.is_pushed then
		if t.task_key then
			drop_key('t' .. t.queue .. '\n' .. t.task_key, t.number)
		end
		keep_remains('p', t.number, state == COMPLETED or state == SKIPPED)
	end
end

-- A task of a cancelled job that stands nowhere.
local function end_cancelled(t)
	end_task(t, CANCELLED)
	tally(t.number, 0, t.name, 'x', 1)
	store_task(t)
	settle_job(t.job)
end

-- Where a task goes that was held and not committed. It keeps its due time and so its place, the
-- head as a rule; one that was lost again and again goes to the tail.
local function put_back(t, is_lost)
	if is_cancelled(t) then
		return end_cancelled(t)
	end
	local in_time = t.wait_until == 0 or t.wait_until > now
	if t.gate and in_time and get_pending(t.number, gate_name(t)) > 0 then
		wait_for_gate(t)
	else
		local due = t.due
		if due == 0 or (is_lost and t.losses > 1 and due < now) then
			due = now
		end
		keep_task(t, due)
	end
	store_task(t)
end

-- A job that had ended runs again.
local function resume_job(job)
	call('ZADD', prefix .. 'running', 0, job.id)
	call('ZREM', prefix .. 'ended:good', 'j' .. job.number)
	call('ZREM', prefix .. 'ended:bad', 'j' .. job.number)
	call('ZREM', prefix .. 'results', 'j' .. job.number)
	call('HDEL', prefix .. 'j:' .. job.number, 'cleared')
	if job.key then
		call('HSET', prefix .. 'keys', key_of_job(job), job.number)
	end
	job.finished = 0
	if job.failing <= 0 then
		job.state, job.reason = JOB_RUNNING, nil
		call('HDEL', prefix .. 'j:' .. job.number, 'reason')
		job.old.reason = nil
	end
end

-- Writes what was added up, and answers the value, with the rings for whoever calls.
local function finish(value)
	store_jobs()
	flush()
	if not next(rings) then
		return value
	end
	local list = {}
	for queue, tasks in pairs(rings) do
		list[#list + 1] = queue
		list[#list + 1] = tasks
	end
	return { { ok = 'rings' }, value, list }
end
