--#flags allow-oom
--#needs core tasks pushes lease
-- args: a request
local batch, next_ms = lease(args)
finish()
return { batch, next_ms }
