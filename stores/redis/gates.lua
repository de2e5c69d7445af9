-- Nothing waits any more in a job that was cancelled. One that found no task to run although some
-- waited has failed; it runs again when that was a mistake.
--#needs ends

local function may_wait(job)
	return job and job.state ~= JOB_CANCELLED and (job.finished == 0 or job.failing == 0)
end
