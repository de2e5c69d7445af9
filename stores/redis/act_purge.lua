--#flags allow-oom
--#needs pushes
-- args: queue, stage ('ready', 'clock' or 'dead'), rank to begin at, limit, how many to look at.
-- Answers how many are deleted, and the rank to go on from, or -1 at the end.
local queue, stage = args[1], args[2]
local key = prefix .. stage .. ':' .. queue
local deleted, kept = 0, args[3]
local members = call('ZRANGE', key, args[3], args[3] + args[5] - 1)
for _, member in ipairs(members) do
	local ref = stage ~= 'clock' and member or sub(member, 1, 1) == 'd' and sub(member, 5) or ''
	local is_pushed = #ref == 17 and sub(ref, 11) == '0000000'
	local t = is_pushed and deleted < args[4] and load_task(ref)
	if t and t.state ~= WORKING then
		delete_pushed(t)
		deleted = deleted + 1
	else
		kept = kept + 1
	end
end
return finish({ deleted, #members == args[5] and kept or -1 })
