--#flags allow-oom
--#needs lease
-- args: a request
local batch, next_ms, limited = lease(args)
if #batch > 0 then
	ring_more(args)
end
return finish({ batch, next_ms, limited })
