-- Where rows are: refs, numbers, and jobs.
--#needs core
--
-- A task's ref is its job's number (10 hex digits) and its seq (7); a pushed task has a number of
-- its own and seq 0. Refs sort by age. 256 neighbours share a hash.

local function place(ref)
	if sub(ref, 11) == '0000000' then
		return prefix .. 't:p' .. sub(ref, 1, 8), sub(ref, 9, 10)
	end
	return prefix .. 't:' .. sub(ref, 1, 15), sub(ref, 16)
end

local function child_ref(number, seq)
	return number .. fmt('%07x', seq)
end

-- Jobs and pushed tasks share the numbers; a block of 256 is listed when its first one is drawn.
local function new_number()
	local number = fmt('%010x', call('HINCRBY', meta, 'number', 1))
	if sub(number, 9) == '00' then
		call('ZADD', prefix .. 'numbers', 0, sub(number, 1, 8))
	end
	return number
end

local function find_job(id)
	return call('HGET', prefix .. 'jobs', id)
end

-- Answers nil for what is not there; a child that is not born has a ref all the same.
local function find_ref(id)
	local job, seq = string.match(id, '^(%x+%-%x+%-%x+%-%x+%-%x+)%.([1-9]%d*)$')
	if job and #seq < 10 then
		local number = find_job(job)
		if number then
			return child_ref(number, seq)
		end
	end
	local number = call('HGET', prefix .. 'pushed', id)
	return number and number .. '0000000' or nil
end

local jobs = {}
local job_fields = { 'id', 'state', 'finished', 'queued', 'working', 'waiting', 'failing', 'seq',
	'swept', 'key', 'workflow', 'results', 'reason', 'doomed' }

-- false where there is no such job, or it is being deleted and `even_doomed` is not said.
local function get_job(number, even_doomed)
	local job = jobs[number]
	if job or (job == false and not even_doomed) then
		return job
	end
	local row = call('HMGET', prefix .. 'j:' .. number, unpack(job_fields))
	job = false
	if row[1] and (even_doomed or not row[14]) then
		job = { number = number, id = row[1], key = row[10], workflow = row[11], reason = row[13] }
		for i = 2, 9 do
			job[job_fields[i]] = tonumber(row[i] or 0)
		end
		job.results = tonumber(row[12] or 0)
		job.old = { state = job.state, finished = job.finished, queued = job.queued,
			working = job.working, waiting = job.waiting, failing = job.failing, seq = job.seq,
			swept = job.swept, results = job.results, reason = job.reason }
	end
	jobs[number] = job
	return job
end

local function store_jobs()
	for number, job in pairs(jobs) do
		if job then
			local changes = {}
			for field, value in pairs(job.old) do
				if job[field] ~= value then
					changes[#changes + 1] = field
					changes[#changes + 1] = job[field] or ''
				end
			end
			if not job.old.reason and job.reason then
				changes[#changes + 1] = 'reason'
				changes[#changes + 1] = job.reason
			end
			if #changes > 0 then
				call('HSET', prefix .. 'j:' .. number, unpack(changes))
			end
		end
	end
end

local function tally(number, scope, name, letter, by)
	add(prefix .. 'tally:' .. number, scope .. '/' .. name .. '/' .. letter, by)
end
