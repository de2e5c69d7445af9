-- Functions in SQL are planned anew in each transaction unless they can be inlined, those in PL/pgSQL
-- once in a session: what a task needs is written in the latter.
--
-- Times, names, notes; and where a task stands while nobody holds it: in ready, in delayed, in a
-- bundle, in the outbox, parked in its line, or among those that wait. Whoever deletes that row has the task to himself.

CREATE OR REPLACE FUNCTION server_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

-- Tests move their session ahead of time. Where rows are looked for, write (SELECT now_ms()): what may
-- change from row to row can't be looked up in an index.
CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
		+ coalesce(nullif(current_setting('reeve.ahead_ms', true), ''), '0')::bigint
$$;

CREATE OR REPLACE FUNCTION timestamp_text(p_ms bigint) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT to_char(to_timestamp(p_ms / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- What the session notes while its acts run, and says with notes(); an abort forgets it.
CREATE OR REPLACE FUNCTION note(p_list text, p_item text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config(p_list,
		coalesce(current_setting(p_list, true), '') || p_item || ',', false);
END $$;

CREATE OR REPLACE FUNCTION noted(p_list text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
	SELECT item FROM unnest(string_to_array(current_setting(p_list, true), ',')) item WHERE item <> ''
$$;

CREATE OR REPLACE FUNCTION note_ready(p_queue integer, p_count bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM note('reeve.rings', p_queue || ':' || p_count);
END $$;

-- Something that is worked on may have been cancelled.
CREATE OR REPLACE FUNCTION note_cancelled() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM note('reeve.rings', '-1:1');
END $$;

CREATE OR REPLACE FUNCTION note_job(p_job bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF strpos(',' || coalesce(current_setting('reeve.jobs', true), ''), ',' || p_job || ',') = 0 THEN
		PERFORM note('reeve.jobs', p_job::text);
	END IF;
END $$;

CREATE OR REPLACE FUNCTION notes() RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_rings text := coalesce(current_setting('reeve.rings', true), '');
	v_name text;
	v_number bigint;
	r reply;
BEGIN
	IF v_rings <> '' THEN
		r.kind := 'ring';
		FOR v_name, v_number IN
			SELECT CASE WHEN item LIKE '-1:%' THEN '!' ELSE coalesce(q.name, '') END, sum(split_part(item, ':', 2)::bigint)
			FROM noted('reeve.rings') item
				LEFT JOIN queue q ON q.id = split_part(item, ':', 1)::integer
			GROUP BY 1
		LOOP
			r.queue := v_name;
			r.n := v_number;
			RETURN NEXT r;
		END LOOP;
		PERFORM set_config('reeve.rings', '', false);
		IF EXISTS (SELECT FROM listener WHERE until > server_ms()
			AND id <> coalesce(current_setting('reeve.host', true), '')) THEN
			r := NULL;
			r.kind := 'tell';
			RETURN NEXT r;
		END IF;
	END IF;
	IF coalesce(current_setting('reeve.ended', true), '') <> '' THEN
		r := NULL;
		r.kind := 'ended';
		FOR v_number IN SELECT item::bigint FROM noted('reeve.ended') item LOOP
			r.n := v_number;
			RETURN NEXT r;
		END LOOP;
		PERFORM set_config('reeve.ended', '', false);
	END IF;
	IF coalesce(current_setting('reeve.jobs', true), '') <> '' THEN
		r := NULL;
		r.kind := 'job';
		FOR v_number IN SELECT item::bigint FROM noted('reeve.jobs') item LOOP
			r.n := v_number;
			RETURN NEXT r;
		END LOOP;
	END IF;
END $$;

-- Once a second somebody says that the store can be reached. Where nobody could for 5 s, expired
-- leases are left alone for their own length from then on: their owners could not renew them.
CREATE OR REPLACE FUNCTION touch() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	v_now bigint := server_ms();
	v_at bigint;
	v_since bigint;
BEGIN
	SELECT at, since INTO v_at, v_since FROM alive;
	IF v_at > v_now - 1000 THEN
		RETURN v_since;
	END IF;
	SELECT at, since INTO v_at, v_since FROM alive FOR UPDATE SKIP LOCKED;
	IF FOUND AND v_at <= v_now - 1000 THEN
		v_since := CASE WHEN v_now - v_at > 5000 THEN v_now ELSE v_since END;
		UPDATE alive SET at = v_now, since = v_since;
	ELSIF NOT FOUND THEN -- somebody is saying so
		SELECT CASE WHEN v_now - at > 5000 THEN v_now ELSE since END INTO v_since FROM alive;
	END IF;
	RETURN v_since;
END $$;

-- Numbers: 0 where there is none.

CREATE OR REPLACE FUNCTION queue_of(p_name text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_id integer;
BEGIN
	SELECT id INTO v_id FROM queue WHERE name = p_name;
	IF v_id IS NULL THEN
		INSERT INTO queue (name) VALUES (p_name) ON CONFLICT DO NOTHING;
		SELECT id INTO STRICT v_id FROM queue WHERE name = p_name;
	END IF;
	RETURN v_id;
END $$;

-- A task's number is its job's, then 27 bits of seq. A foreign message's id may look like a
-- job's task.
CREATE OR REPLACE FUNCTION number_of(p_id text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_number bigint;
	v_digits text := substr(p_id, 38);
BEGIN
	IF substr(p_id, 37, 1) = '.' AND v_digits ~ '^[1-9][0-9]{0,17}$' THEN
		SELECT id INTO v_number FROM job WHERE uuid = substr(p_id, 1, 36);
		IF FOUND THEN
			RETURN CASE WHEN v_digits::bigint < 134217728 THEN v_number << 27 | v_digits::bigint
				ELSE 0 END;
		END IF;
	END IF;
	SELECT task INTO v_number FROM pushed WHERE id = p_id;
	RETURN coalesce(v_number, 0);
END $$;

CREATE OR REPLACE FUNCTION id_of(p_number bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN p_number & 134217727 = 0
		THEN (SELECT id FROM pushed WHERE task = p_number)
		ELSE (SELECT uuid FROM job WHERE id = p_number >> 27) || '.' || (p_number & 134217727) END;
END $$;

CREATE OR REPLACE FUNCTION find_task(p_id text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_number bigint := number_of(p_id);
BEGIN
	PERFORM FROM task t LEFT JOIN bundle b ON b.id = t.bundle
		WHERE t.id = v_number AND coalesce(b.state, 1) IN (1, 3, 4);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no task %', p_id USING ERRCODE = 'RV404';
	END IF;
	RETURN v_number;
END $$;

-- An application may have been told its id, see application.sql.
CREATE OR REPLACE FUNCTION no_job(p_id text) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
	v start;
BEGIN
	SELECT * INTO v FROM start WHERE id = p_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no job %', p_id USING ERRCODE = 'RV404';
	ELSIF v.failed IS NULL THEN
		RAISE EXCEPTION 'job % is asked for, and no keeper has started it yet', p_id
			USING ERRCODE = 'RV404';
	END IF;
	RAISE EXCEPTION 'job % was not started: %', p_id, v.failed USING ERRCODE = 'RV404';
END $$;

CREATE OR REPLACE FUNCTION state_name(p_state integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT (ARRAY['waiting', 'queued', 'working', 'completed', 'failed', 'invalid_payload', 'skipped',
		'cancelled'])[p_state + 1]
$$;

-- What a commit changes in a job beside its task. Somebody has to settle the job afterwards.
CREATE OR REPLACE FUNCTION add_delta(p_job bigint, p_active integer, p_waiting integer,
	p_tallies jsonb, p_waits jsonb DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO delta (job, active, waiting, tallies, waits)
		VALUES (p_job, p_active, p_waiting, p_tallies, p_waits);
	PERFORM note_job(p_job);
END $$;

-- An entry of a queue: ready, or delayed until it is due.
CREATE OR REPLACE FUNCTION keep(p_queue integer, p_rank integer, p_due bigint, p_n bigint,
	p_bundle bigint, p_tasks integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_first bigint;
BEGIN
	IF p_due <= now_ms() THEN
		INSERT INTO ready VALUES (p_queue, p_rank, p_due, p_n, p_bundle);
		INSERT INTO tick (queue, depth) VALUES (p_queue, p_tasks);
		PERFORM note_ready(p_queue, p_tasks);
		RETURN;
	END IF;
	SELECT due INTO v_first FROM delayed WHERE queue = p_queue ORDER BY due LIMIT 1;
	INSERT INTO delayed VALUES (p_queue, p_due, p_n, p_bundle);
	INSERT INTO tick (queue, delayed) VALUES (p_queue, p_tasks);
	IF v_first IS NULL OR p_due < v_first THEN -- somebody must wake up earlier than he meant to
		PERFORM note_ready(p_queue, 1);
	END IF;
END $$;

-- The same, unless its queue has a door: then it stands in the outbox.
CREATE OR REPLACE FUNCTION place(p_queue integer, p_rank integer, p_due bigint, p_n bigint,
	p_bundle bigint, p_tasks integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF has_door(p_queue) THEN
		PERFORM add_unsent(p_queue, p_rank, p_due, p_n, p_bundle, p_tasks);
	ELSE
		PERFORM keep(p_queue, p_rank, p_due, p_n, p_bundle, p_tasks);
	END IF;
END $$;

-- The task is queued again, on its own. What comes back from a worker, or stands in a line, does
-- not go by the door.
CREATE OR REPLACE FUNCTION queue_task(p_task task, p_by_door boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE task SET state = 1, due = p_task.due, attempt = p_task.attempt,
		failures = p_task.failures, crashes = p_task.crashes, losses = p_task.losses,
		is_cancelled = p_task.is_cancelled, bundle = NULL WHERE id = p_task.id;
	IF take_turn(p_task) THEN
		RETURN;
	ELSIF p_by_door THEN
		PERFORM place(p_task.queue, p_task.rank, p_task.due, p_task.id, 0, 1);
	ELSE
		PERFORM keep(p_task.queue, p_task.rank, p_task.due, p_task.id, 0, 1);
	END IF;
END $$;

-- The task waits for its counter; a fold wakes it. The caller's delta names the counter.
CREATE OR REPLACE FUNCTION add_waiter(p_task task, p_seen bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO waiter VALUES (p_task.id >> 27, p_task.wait_scope, p_task.wait_gate, p_task.id, p_seen);
	IF p_task.wait_until > now_ms() THEN
		INSERT INTO delayed VALUES (p_task.queue, p_task.wait_until, p_task.id, 0, true);
		PERFORM note_ready(p_task.queue, 1);
	END IF;
END $$;

-- The task waits again, after a lease.
CREATE OR REPLACE FUNCTION suspend(p_task task, p_seen bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM leave_line(p_task);
	UPDATE task SET state = 0, due = 0, attempt = p_task.attempt, failures = p_task.failures,
		crashes = p_task.crashes, losses = p_task.losses, is_cancelled = p_task.is_cancelled,
		bundle = NULL, line = NULL WHERE id = p_task.id;
	PERFORM add_waiter(p_task, p_seen);
	PERFORM add_delta(p_task.id >> 27, -1, 1,
		jsonb_build_array(jsonb_build_array(0, p_task.name, 0, 0, 0, 0, 0, 0, 0, 1)),
		jsonb_build_array(jsonb_build_array(p_task.wait_scope, p_task.wait_gate)));
END $$;

-- What the counter is, unfolded changes included.
CREATE OR REPLACE FUNCTION pending_of(p_job bigint, p_scope bigint, p_gate text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT pending FROM counter
			WHERE job = p_job AND scope = p_scope AND gate = p_gate), 0)
		+ coalesce((SELECT sum((c ->> 2)::bigint) FROM delta, jsonb_array_elements(counters) c
			WHERE job = p_job AND (c ->> 0)::bigint = p_scope AND c ->> 1 = p_gate), 0);
END $$;

-- Takes the next children of a bundle out of its chunks: the first and last number among which they
-- are; NULL: there are none.
CREATE OR REPLACE FUNCTION take_chunk(p_bundle bigint, p_page integer, OUT v_first bigint,
	OUT v_last bigint) LANGUAGE plpgsql AS $$
BEGIN
	SELECT first, last INTO v_first, v_last FROM chunk WHERE bundle = p_bundle ORDER BY first LIMIT 1;
	IF v_last - v_first < p_page THEN
		DELETE FROM chunk WHERE bundle = p_bundle AND first = v_first;
	ELSE
		v_last := v_first + p_page - 1;
		UPDATE chunk SET first = v_last + 1 WHERE bundle = p_bundle AND first = v_first;
	END IF;
END $$;

-- Makes the next children of a bundle entries of their own, in their order. The bundle's own entry
-- is the caller's: it has deleted it.
CREATE OR REPLACE FUNCTION unpack(p_entry ready, p_page integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_tasks integer;
	v_first bigint;
	v_last bigint;
	v_count integer := 0;
	v_next bigint;
BEGIN
	SELECT tasks INTO v_tasks FROM bundle WHERE id = p_entry.bundle FOR UPDATE;
	WHILE v_tasks > 0 AND v_count = 0 LOOP
		SELECT * INTO v_first, v_last FROM take_chunk(p_entry.bundle, p_page);
		EXIT WHEN v_first IS NULL;
		INSERT INTO ready SELECT p_entry.queue, p_entry.rank, p_entry.due, id, 0 FROM task
			WHERE id BETWEEN v_first AND v_last AND bundle = p_entry.bundle AND state = 1;
		GET DIAGNOSTICS v_count = ROW_COUNT;
	END LOOP;
	UPDATE bundle SET tasks = v_tasks - v_count WHERE id = p_entry.bundle;
	SELECT first INTO v_next FROM chunk WHERE bundle = p_entry.bundle ORDER BY first LIMIT 1;
	IF FOUND AND v_tasks > v_count THEN
		INSERT INTO ready VALUES (p_entry.queue, p_entry.rank, p_entry.due, v_next, p_entry.bundle);
	END IF;
END $$;

-- Whether a child still stands in its bundle. Chunks don't overlap: the one before or at it is the one.
CREATE OR REPLACE FUNCTION is_in_chunk(p_bundle bigint, p_task bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT last >= p_task FROM chunk WHERE bundle = p_bundle AND first <= p_task
		ORDER BY bundle DESC, first DESC LIMIT 1), false);
END $$;

-- Children of a cancelled job are not taken one after another to end them: their bundle, whose entry
-- the caller has deleted, is delayed until the year 9999, and they leave it with the pages of their job.
CREATE OR REPLACE FUNCTION put_off(p_queue integer, p_n bigint, p_bundle bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_was smallint := (SELECT state FROM bundle WHERE id = p_bundle FOR UPDATE);
	v_tasks integer;
BEGIN
	UPDATE bundle SET state = 3, due = 253402300799000 WHERE id = p_bundle RETURNING tasks INTO v_tasks;
	IF v_tasks > 0 THEN
		INSERT INTO delayed VALUES (p_queue, 253402300799000, p_n, p_bundle, false);
		INSERT INTO tick (queue, depth, delayed, unsent) VALUES (p_queue,
			CASE v_was WHEN 1 THEN -v_tasks ELSE 0 END, v_tasks,
			CASE v_was WHEN 4 THEN -v_tasks ELSE 0 END);
	END IF;
END $$;

-- So many children have left the bundle, which the caller has locked.
CREATE OR REPLACE FUNCTION shrink_bundle(p_bundle bundle, p_tasks integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE bundle SET tasks = tasks - p_tasks WHERE id = p_bundle.id;
	-- Nobody comes to one that was put off. Others are left to make_due, which locks them first.
	IF p_bundle.tasks <= p_tasks AND p_bundle.due = 253402300799000 THEN
		DELETE FROM delayed WHERE queue = p_bundle.queue AND due = p_bundle.due AND bundle = p_bundle.id
			AND n = (SELECT first FROM chunk WHERE bundle = p_bundle.id ORDER BY first LIMIT 1);
	END IF;
	INSERT INTO tick (queue, depth, delayed, unsent) VALUES (p_bundle.queue,
		CASE p_bundle.state WHEN 1 THEN -p_tasks ELSE 0 END,
		CASE p_bundle.state WHEN 3 THEN -p_tasks ELSE 0 END,
		CASE p_bundle.state WHEN 4 THEN -p_tasks ELSE 0 END);
END $$;

-- Takes a child out of its bundle's turn; false where somebody has it or is taking it.
CREATE OR REPLACE FUNCTION leave_bundle(p_task task) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v_bundle bundle;
	v_is_in boolean;
BEGIN
	SELECT * INTO v_bundle FROM bundle WHERE id = p_task.bundle FOR UPDATE;
	IF v_bundle.state = 1 THEN
		DELETE FROM ready WHERE (queue, rank, due, n, bundle) = (SELECT queue, rank, due, n, bundle
			FROM ready WHERE queue = p_task.queue AND rank = p_task.rank AND due = v_bundle.due
			AND n = p_task.id AND bundle = 0 FOR UPDATE SKIP LOCKED);
		IF FOUND THEN
			INSERT INTO tick (queue, depth) VALUES (p_task.queue, -1);
			RETURN true;
		END IF;
	END IF;
	v_is_in := is_in_chunk(p_task.bundle, p_task.id);
	IF NOT v_is_in AND v_bundle.state = 4 THEN -- it has a row of its own since
		PERFORM FROM outbox WHERE n = p_task.id AND bundle = 0 FOR UPDATE SKIP LOCKED;
		RETURN FOUND AND leave_outbox(p_task.id);
	ELSIF NOT v_is_in THEN
		RETURN false;
	END IF;
	UPDATE task SET bundle = NULL, due = v_bundle.due WHERE id = p_task.id AND bundle = p_task.bundle;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM shrink_bundle(v_bundle, 1);
	RETURN true;
END $$;

-- Takes a queued or waiting task out of wherever it stands; false where it stands nowhere any more.
CREATE OR REPLACE FUNCTION detach(p_task task) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF p_task.state = 0 THEN
		DELETE FROM waiter WHERE job = p_task.id >> 27 AND scope = p_task.wait_scope
			AND gate = p_task.wait_gate AND task = p_task.id;
		IF NOT FOUND THEN
			RETURN false;
		END IF;
		DELETE FROM delayed WHERE queue = p_task.queue AND due = p_task.wait_until
			AND n = p_task.id AND is_timeout;
		RETURN true;
	ELSIF p_task.bundle IS NOT NULL THEN
		RETURN leave_bundle(p_task);
	ELSIF leave_parking(p_task) THEN
		RETURN true;
	END IF;
	DELETE FROM ready WHERE queue = p_task.queue AND rank = p_task.rank AND due = p_task.due
		AND n = p_task.id AND bundle = 0;
	IF FOUND THEN
		INSERT INTO tick (queue, depth) VALUES (p_task.queue, -1);
		RETURN true;
	END IF;
	DELETE FROM delayed WHERE queue = p_task.queue AND due = p_task.due AND n = p_task.id
		AND bundle = 0;
	IF FOUND THEN
		INSERT INTO tick (queue, delayed) VALUES (p_task.queue, -1);
		RETURN true;
	END IF;
	RETURN leave_outbox(p_task.id);
END $$;

-- Ends a task of a cancelled job that nobody holds; the caller has detached it.
CREATE OR REPLACE FUNCTION end_cancelled_task(p_task task) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_waited integer := CASE p_task.state WHEN 0 THEN 1 ELSE 0 END;
BEGIN
	UPDATE task SET state = 7, finished = now_ms(), bundle = NULL, attempt = p_task.attempt,
		losses = p_task.losses WHERE id = p_task.id;
	PERFORM leave_line(p_task);
	PERFORM add_delta(p_task.id >> 27, v_waited - 1, -v_waited,
		jsonb_build_array(jsonb_build_array(0, p_task.name, 0, 0, 0, 0, 0, 1, 0, -v_waited)));
END $$;

-- A gate's time-out has come, or a person takes it: it no longer waits. The caller has detached it.
CREATE OR REPLACE FUNCTION stop_waiting(p_task task) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM add_delta(p_task.id >> 27, 1, -1,
		jsonb_build_array(jsonb_build_array(0, p_task.name, 0, 0, 0, 0, 0, 0, 0, -1)));
END $$;
