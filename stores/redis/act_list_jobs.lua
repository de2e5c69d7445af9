--#flags allow-oom
--#needs jobs
-- args: before or false, workflow or false, state, unfinished, limit, how many to look at, ending. Newest
-- first; answers the rows and the id to go on from, or false at the end. `ending`: some of those in the
-- set, whatever else is asked.
--#const CALLS 500
local rows, calls = {}, 0
if args[7] then
	for _, number in ipairs(call('SRANDMEMBER', prefix .. 'ending', args[5])) do
		if get_job(number) then
			rows[#rows + 1] = describe_job(number)
		else
			call('SREM', prefix .. 'ending', number)
		end
	end
	return { rows, false }
end
local list = prefix .. (args[4] and 'running' or 'by-age')
local from = args[1] and '(' .. args[1] or '+'
local ids = call('ZREVRANGEBYLEX', list, from, '-', 'LIMIT', 0, args[6])
for _, id in ipairs(ids) do
	local number = find_job(id)
	calls = calls + 2
	local job = number and get_job(number)
	if job and (not args[2] or job.workflow == args[2]) and (args[3] < 0 or job.state == args[3]) then
		rows[#rows + 1] = describe_job(number)
		calls = calls + 2 + #rows[#rows][10]
	end
	if #rows >= args[5] or calls >= CALLS then
		return { rows, id }
	end
end
return { rows, #ids == args[6] and ids[#ids] or false }
