--#flags allow-oom
--#needs ends
-- args: id
local number = find_job(args[1])
local job = number and get_job(number)
if not job then
	return refuse('NOT_FOUND', 'there is no job ' .. args[1])
elseif job.state == JOB_CANCELLED then
	return 1
elseif job.finished > 0 then
	return refuse('CONFLICT', 'job ' .. args[1] .. ' has ' ..
		(job.state == JOB_FAILED and 'failed' or 'completed'))
end
job.state = JOB_CANCELLED
call('SADD', prefix .. 'ending', number)
rings['!'] = 1
return finish(1)
