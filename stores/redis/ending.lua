-- The queued and waiting tasks of a cancelled job end in pages. Tasks up to `swept` have ended or
-- are held; a held one ends when its lease does.
--#needs ends

local function end_page(job, limit)
	local seen = 0
	while seen < limit and job.swept < job.seq - 1 do
		job.swept = job.swept + 1
		seen = seen + 1
		local t = load_task(child_ref(job.number, job.swept))
		if t and t.state < WORKING and state_of(t) >= 0 then
			leave(t)
			end_cancelled(t)
		end
	end
	if job.swept >= job.seq - 1 then
		call('SREM', prefix .. 'ending', job.number)
		settle_job(job)
		return false
	end
	return true
end
