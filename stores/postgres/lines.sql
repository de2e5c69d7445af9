-- Lines of groups: of each only the first task that has not ended is ever leased. Those behind are
-- parked, unless somebody has taken one by name. All who touch a line hold its lock.

CREATE OR REPLACE FUNCTION lock_line(p_queue integer, p_line text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(
		hashtext((SELECT value FROM meta WHERE name = 'tag') || ':' || p_queue), hashtext(p_line));
END $$;

-- The same for who holds what stands behind lines in the order of locks (docs/stores.md): he does not wait.
CREATE OR REPLACE FUNCTION try_line(p_queue integer, p_line text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN pg_try_advisory_xact_lock(
		hashtext((SELECT value FROM meta WHERE name = 'tag') || ':' || p_queue), hashtext(p_line));
END $$;

-- The lines of the tasks, in the one order in which a transaction locks several of them.
CREATE OR REPLACE FUNCTION lock_lines(p_tasks bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v record;
BEGIN
	FOR v IN SELECT queue, min(line) AS line FROM task WHERE id = ANY (p_tasks) AND line IS NOT NULL
		GROUP BY queue, hashtext(line) ORDER BY queue, hashtext(line)
	LOOP
		PERFORM lock_line(v.queue, v.line);
	END LOOP;
END $$;

-- The lines of tasks of a job that is deleted; false where somebody has one of them.
CREATE OR REPLACE FUNCTION try_lines(p_tasks bigint[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v record;
BEGIN
	FOR v IN SELECT DISTINCT queue, line FROM task WHERE id = ANY (p_tasks) AND line IS NOT NULL LOOP
		IF NOT try_line(v.queue, v.line) THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END $$;

-- The task joins at the end; the caller sees to it that it takes its turn.
CREATE OR REPLACE FUNCTION join_line(p_task task, p_line text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM lock_line(p_task.queue, p_line);
	INSERT INTO turn (queue, line, place, task)
		SELECT p_task.queue, p_line, coalesce(max(place), 0) + 1, p_task.id
		FROM turn WHERE queue = p_task.queue AND line = p_line;
	UPDATE task SET line = p_line WHERE id = p_task.id;
END $$;

-- A task that nobody holds is ready where it is the first of its line, else parked; false where it
-- stands in none.
CREATE OR REPLACE FUNCTION take_turn(p_task task) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v_first bigint;
BEGIN
	IF p_task.line IS NULL THEN
		RETURN false;
	END IF;
	PERFORM lock_line(p_task.queue, p_task.line);
	PERFORM FROM turn WHERE task = p_task.id;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	SELECT task INTO v_first FROM turn WHERE queue = p_task.queue AND line = p_task.line
		ORDER BY place LIMIT 1;
	IF v_first = p_task.id THEN
		PERFORM keep(p_task.queue, p_task.rank, p_task.due, p_task.id, 0, 1);
	ELSE
		UPDATE turn SET is_parked = true WHERE task = p_task.id;
		INSERT INTO tick (queue, depth) VALUES (p_task.queue, 1);
	END IF;
	RETURN true;
END $$;

-- Takes a parked task out, its place stays; false where it is not parked.
CREATE OR REPLACE FUNCTION leave_parking(p_task task) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF p_task.line IS NULL THEN
		RETURN false;
	END IF;
	PERFORM lock_line(p_task.queue, p_task.line);
	UPDATE turn SET is_parked = false WHERE task = p_task.id AND is_parked;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO tick (queue, depth) VALUES (p_task.queue, -1);
	RETURN true;
END $$;

-- The task has ended, or waits: the next one has its turn, unless somebody works on it out of turn;
-- then it has it when it comes back.
CREATE OR REPLACE FUNCTION leave_line(p_task task) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_first turn;
	v task;
BEGIN
	IF p_task.line IS NULL THEN
		RETURN;
	END IF;
	PERFORM lock_line(p_task.queue, p_task.line);
	DELETE FROM turn WHERE task = p_task.id;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	SELECT * INTO v_first FROM turn WHERE queue = p_task.queue AND line = p_task.line
		ORDER BY place LIMIT 1;
	IF v_first.is_parked THEN
		UPDATE turn SET is_parked = false WHERE task = v_first.task;
		INSERT INTO tick (queue, depth) VALUES (p_task.queue, -1);
		SELECT * INTO STRICT v FROM task WHERE id = v_first.task;
		PERFORM keep(v.queue, v.rank, v.due, v.id, 0, 1);
	END IF;
END $$;
