--#flags
--#needs core
-- args: queues, whether they have a door
for _, queue in ipairs(args[1]) do
	call(args[2] and 'SADD' or 'SREM', prefix .. 'doors', queue)
	if args[2] then
		call('SADD', prefix .. 'queues', queue)
	end
end
return 1
