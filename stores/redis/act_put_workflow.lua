--#flags
--#needs core
-- args: hash, name, text
if call('HSETNX', prefix .. 'workflows', args[1], args[3]) == 1 then
	call('HSET', prefix .. 'workflow-names', args[1], args[2])
end
return 1
