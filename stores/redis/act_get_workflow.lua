--#flags allow-oom
--#needs core
-- args: hash
return call('HGET', prefix .. 'workflows', args[1])
