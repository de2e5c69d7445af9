-- A new job.
--#needs births

-- given: id, workflow, hash, payload, key or false, effects. Answers the id of the job that it is: this
-- one, or the unfinished one that has its key.
local function submit(given)
	local id, workflow, key = given[1], given[2], given[5]
	if find_job(id) then
		return id
	end
	local place_of_key = key and 'j' .. workflow .. '\n' .. key
	local other = key and call('HGET', prefix .. 'keys', place_of_key)
	if other then
		return call('HGET', prefix .. 'j:' .. other, 'id')
	end
	local number = new_number()
	local row = { 'id', id, 'workflow', workflow, 'hash', given[3], 'payload', given[4], 'created', now,
		'state', JOB_RUNNING, 'seq', 1 }
	if key then
		row[#row + 1] = 'key'
		row[#row + 1] = key
		call('HSET', prefix .. 'keys', place_of_key, number)
	end
	call('HSET', prefix .. 'j:' .. number, unpack(row))
	call('HSET', prefix .. 'jobs', id, number)
	call('HSET', prefix .. 'n:' .. sub(number, 1, 8), sub(number, 9), id)
	call('ZADD', prefix .. 'by-age', 0, id)
	call('ZADD', prefix .. 'running', 0, id)
	local job = get_job(number)
	apply(job, 0, given[6], nil)
	settle_job(job)
	return id
end
