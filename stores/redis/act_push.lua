--#flags
--#needs pushes
-- args: pushes
local ids = {}
for i, push in ipairs(args) do
	ids[i] = push_one(push)
end
return finish(ids)
