--#flags allow-oom
--#needs core tasks pushes lease
-- args: a request
local batch, next_ms = lease(args)
return finish({ batch, next_ms })
