--#flags allow-oom
--#needs jobs
-- args: id
local number = find_job(args[1])
if not number then
	return refuse('NOT_FOUND', 'there is no job ' .. args[1])
end
return describe_job(number)
