--#flags allow-oom
--#needs core tasks
-- args: id
return find_ref(args[1])
