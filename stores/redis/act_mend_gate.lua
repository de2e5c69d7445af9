--#flags allow-oom
--#needs births gates
-- args: job, SCOPE/GATE, pending
local number = find_job(args[1])
local job = number and get_job(number)
if not job then
	return refuse('NOT_FOUND', 'there is no job ' .. args[1])
end
local pending = get_pending(number, args[2])
if pending ~= args[3] or pending <= 0 or not may_wait(job) then
	return refuse('CONFLICT', 'gate ' .. args[2] .. ' of job ' .. args[1] .. ' has changed')
end
local holder = job.key and call('HGET', prefix .. 'keys', key_of_job(job))
if holder and holder ~= number then
	return refuse('CONFLICT', 'the key of job ' .. args[1] .. ' is taken by another')
end
call('HSET', prefix .. 'gate:' .. number, 'p' .. args[2], 0)
if wake(job, args[2]) and job.finished > 0 then
	resume_job(job)
end
return finish(1)
