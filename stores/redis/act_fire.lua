--#flags
--#needs submit pushes
-- args: name of the schedule, version, text, job or false, push or false
local schedules = prefix .. 'schedules'
local row = call('HGET', schedules, args[1])
local version = row and tonumber(row:match('^%d+')) or 0
if version ~= args[2] then
	return 0
end
if args[4] then
	submit(args[4])
end
if args[5] then
	push_one(args[5])
end
call('HSET', schedules, args[1], fmt('%.0f ', version + 1) .. args[3])
return finish(1)
