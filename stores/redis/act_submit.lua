--#flags
--#needs submit
-- args: id, workflow, hash, payload, key or false, effects
return finish(submit(args))
