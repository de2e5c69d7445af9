--#flags allow-oom
--#needs ending
-- args: id, limit
local number = find_job(args[1])
local job = number and get_job(number)
if not job then
	return refuse('NOT_FOUND', 'there is no job ' .. args[1])
elseif job.state ~= JOB_CANCELLED then
	return refuse('CONFLICT', 'job ' .. args[1] .. ' is not cancelled')
end
local left = end_page(job, args[2])
return finish(left and 1 or 0)
