--#flags
--#needs
-- A store that is not there is made, with the tag in ARGV[1]. Answers tag and version.
local meta = KEYS[1] .. 'meta'
if redis.call('EXISTS', meta) == 0 then
	redis.call('HSET', meta, 'tag', ARGV[1], 'version', 1, 'number', 255, 'line', 0)
end
return redis.call('HMGET', meta, 'tag', 'version')
