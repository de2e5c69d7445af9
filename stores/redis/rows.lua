-- A task as people see it.
--#needs ends

local function describe_task(t, with_bodies)
	local line = t.line ~= '' and get_line(t.number, t.line)
	local birth = t.created == 0 and get_row(t.number, t.birth_line)
	local state = state_of(t)
	local bodies = { false, false }
	if with_bodies then
		bodies = call('HMGET', t.key, 'p' .. t.field, 'r' .. t.field)
	end
	local ended = state >= COMPLETED
	local reason = ended and call('HGET', t.key, 'e' .. t.field)
	return { task_id(t), t.job and t.job.id or false, t.name, t.queue, bodies[1], bodies[2], reason,
		t.scopes or false, tonumber(sub(t.ref, 11), 16), t.parent, state, t.attempt, t.failures,
		t.crashes, t.losses, birth and birth[1] or t.created,
		line and line[2] or t.due, ended and t.finished or 0, t.gate, t.scope }
end
