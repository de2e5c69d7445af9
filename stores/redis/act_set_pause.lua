--#flags allow-oom
--#needs ends
-- args: queue, whether it is paused
local queue, paused = args[1], prefix .. 'paused'
local changed
if args[2] then
	changed = call('HSETNX', paused, queue, fmt('%.0f', now))
	call('SADD', prefix .. 'queues', queue)
else
	changed = call('HDEL', paused, queue)
end
call('HSET', meta, 'paused', call('HLEN', paused))
if changed == 1 then
	rings[queue] = 2147483647
end
return finish(changed)
