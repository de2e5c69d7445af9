--#flags
--#needs births
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
if is_dead(t.state) then
	call('ZREM', prefix .. 'dead', ref)
	call('ZREM', prefix .. 'dead:' .. t.queue, ref)
end
local failed_job = t.flags >= 2
t.failures, t.crashes, t.losses, t.flags, t.finished = 0, 0, 0, 0, 0
if t.timeout > 0 then
	t.wait_until = now + t.timeout
end
call('HDEL', t.key, 'r' .. t.field, 'e' .. t.field)
if job then
	if failed_job then
		job.failing = job.failing - 1
	end
	resume_job(job)
	apply(job, tonumber(sub(ref, 11), 16), args[2], nil)
else
	if key then
		call('HSET', prefix .. 'keys', key, t.number)
	end
	call('ZREM', prefix .. 'ended:good', 'p' .. t.number)
	call('ZREM', prefix .. 'ended:bad', 'p' .. t.number)
	call('ZREM', prefix .. 'results', 'p' .. t.number)
end
if t.group then
	join_group(t)
end
queue_task(t, now)
store_task(t)
return finish(1)
