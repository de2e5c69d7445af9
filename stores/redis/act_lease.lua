--#flags allow-oom
--#needs lease
-- args: a request
local batch, next_ms = lease(args)
return finish({ batch, next_ms })
