--#flags
--#needs core tasks births
-- args: id, effects
local ref = find_ref(args[1])
local t = ref and load_task(ref)
if not t or state_of(t) < 0 then
	return refuse('NOT_FOUND', 'there is no task ' .. args[1])
elseif not is_dead(t.state) and t.state ~= CANCELLED then
	return refuse('CONFLICT', 'task ' .. args[1] .. ' has not failed')
elseif is_cancelled(t) then
	return refuse('CONFLICT', 'the job of task ' .. args[1] .. ' is cancelled')
end
local job = t.job
local key = job and job.key and key_of_job(job) or t.task_key and 't' .. t.queue .. '\n' .. t.task_key
local holder = key and call('HGET', prefix .. 'keys', key)
if holder and holder ~= t.number then
	return refuse('CONFLICT', 'the key of task ' .. args[1] .. ' is taken again')
end
if key then
	call('HSET', prefix .. 'keys', key, t.number)
end
if is_dead(t.state) then
	call('ZREM', prefix .. 'dead', ref)
	call('ZREM', prefix .. 'dead:' .. t.queue, ref)
end
local member = (job and 'j' or 'p') .. t.number
call('ZREM', prefix .. 'ended:good', member)
call('ZREM', prefix .. 'ended:bad', member)
call('ZREM', prefix .. 'results', member)
local failed_job = t.flags >= 2
t.failures, t.crashes, t.losses, t.flags, t.finished = 0, 0, 0, 0, 0
if t.timeout > 0 then
	t.wait_until = now + t.timeout
end
call('HDEL', t.key, 'r' .. t.field, 'e' .. t.field)
if job then
	call('ZADD', prefix .. 'running', 0, job.id)
	call('HDEL', prefix .. 'j:' .. t.number, 'cleared')
	job.finished = 0
	if failed_job then
		job.failing = job.failing - 1
	end
	if job.failing <= 0 then
		job.state, job.reason = JOB_RUNNING, nil
		call('HDEL', prefix .. 'j:' .. t.number, 'reason')
		job.old.reason = nil
	end
	apply(job, tonumber(sub(ref, 11), 16), args[2], nil)
end
queue_task(t, now)
store_task(t)
finish()
return 1
