-- Lines: tasks of one job that become ready together.
--#needs refs

-- {born at, due or false while it waits, how many left out of turn, the counter it waits for}.
-- Children that come to life together stand in a line from then on, others only once they are ready:
-- false where there is none.
local lines = {}
local function get_row(number, line)
	local found = lines[line]
	if found == nil then
		local row = call('HGET', prefix .. 'lines:' .. number, line)
		found = row and decode(row) or false
		lines[line] = found
	end
	return found
end

-- One that is ready or delayed; false while it is unborn or waits.
local function get_line(number, line)
	local row = get_row(number, line)
	return row and row[2] and row
end

local function set_line(number, line, row)
	lines[line] = row
	call('HSET', prefix .. 'lines:' .. number, line, encode(row))
end

local function line_member(number, line)
	return line .. '+' .. number
end

local function count_line(number, line)
	local row = get_line(number, line)
	return call('LLEN', prefix .. 'line:' .. line) - (row and row[3] or 0)
end

local function new_line()
	return fmt('%010x', call('HINCRBY', meta, 'line', 1))
end
