--#flags allow-oom
--#needs refs
-- args: id
return find_ref(args[1])
