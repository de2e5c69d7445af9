-- What is told of jobs, tasks and queues, and housekeeping. No act here locks what others work on.

CREATE OR REPLACE FUNCTION get_gate(p_id text, p_scope bigint, p_gate text, p_names text[])
RETURNS TABLE (pending bigint, version bigint, born bigint, completed bigint, failed bigint,
	invalid bigint, skipped bigint, cancelled bigint, excused bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_job bigint := (SELECT id FROM job WHERE uuid = p_id);
BEGIN
	IF v_job IS NULL THEN
		RAISE EXCEPTION 'there is no job %', p_id USING ERRCODE = 'RV404';
	END IF;
	RETURN QUERY
	WITH added AS (
		SELECT t ->> 1 AS name, (t ->> 2)::bigint AS b, (t ->> 3)::bigint AS c,
			(t ->> 4)::bigint AS f, (t ->> 5)::bigint AS i, (t ->> 6)::bigint AS s,
			(t ->> 7)::bigint AS x, (t ->> 8)::bigint AS e
		FROM delta d, jsonb_array_elements(d.tallies) t
		WHERE d.job = v_job AND (t ->> 0)::bigint = p_scope
	), both_kinds AS (
		SELECT * FROM added UNION ALL
		SELECT y.name, y.born, y.completed, y.failed, y.invalid, y.skipped, y.cancelled, y.excused
		FROM tally y WHERE y.job = v_job AND y.scope = p_scope AND y.name = ANY (p_names)
	)
	SELECT pending_of(v_job, p_scope, p_gate),
		coalesce((SELECT k.version FROM counter k
			WHERE k.job = v_job AND k.scope = p_scope AND k.gate = p_gate), 0),
		coalesce(sum(k.b), 0)::bigint, coalesce(sum(k.c), 0)::bigint, coalesce(sum(k.f), 0)::bigint,
		coalesce(sum(k.i), 0)::bigint, coalesce(sum(k.s), 0)::bigint, coalesce(sum(k.x), 0)::bigint,
		coalesce(sum(k.e), 0)::bigint
	FROM unnest(p_names) WITH ORDINALITY AS w (name, place) LEFT JOIN both_kinds k ON k.name = w.name
	GROUP BY w.place ORDER BY w.place;
END $$;

CREATE OR REPLACE FUNCTION describe_job(p_job bigint) RETURNS SETOF job_line
LANGUAGE sql STABLE AS $$
	SELECT j.uuid, j.workflow, j.hash, j.key, j.reason, j.status::integer, j.created,
		coalesce(j.finished, 0), b.text, NULL::text, 0::bigint, 0::bigint, 0::bigint, 0::bigint,
		0::bigint, 0::bigint, 0::bigint, 0::bigint
	FROM job j LEFT JOIN payload b ON b.task = j.id << 27 WHERE j.id = p_job
	UNION ALL
	SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, x.name, x.b, x.w, x.c, x.f, x.i, x.s,
		x.x, (SELECT count(*) FROM lease l JOIN task t ON t.id = l.task
			WHERE l.task > p_job << 27 AND l.task < (p_job + 1) << 27 AND t.name = x.name)
	FROM (SELECT k.name, sum(k.b)::bigint AS b, sum(k.c)::bigint AS c, sum(k.f)::bigint AS f,
			sum(k.i)::bigint AS i, sum(k.s)::bigint AS s, sum(k.x)::bigint AS x, sum(k.w)::bigint AS w
		FROM (SELECT name, place, born AS b, completed AS c, failed AS f, invalid AS i, skipped AS s,
				cancelled AS x, waiting AS w FROM tally WHERE job = p_job AND scope = 0
			UNION ALL
			SELECT t ->> 1, d.id << 16 | place, (t ->> 2)::bigint, (t ->> 3)::bigint, (t ->> 4)::bigint,
				(t ->> 5)::bigint, (t ->> 6)::bigint, (t ->> 7)::bigint, coalesce((t ->> 9)::bigint, 0)
			FROM delta d, jsonb_array_elements(d.tallies) WITH ORDINALITY AS e (t, place)
			WHERE d.job = p_job AND (t ->> 0)::bigint = 0) k
		GROUP BY k.name ORDER BY min(k.place)) x
$$;

CREATE OR REPLACE FUNCTION get_job(p_id text) RETURNS SETOF job_line LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY SELECT d.* FROM job j, describe_job(j.id) d WHERE j.uuid = p_id;
	IF NOT FOUND THEN
		PERFORM no_job(p_id);
	END IF;
END $$;

CREATE OR REPLACE FUNCTION list_jobs(p_workflow text, p_state integer, p_unfinished boolean,
	p_before text, p_limit integer) RETURNS SETOF job_line LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_job bigint;
BEGIN
	FOR v_job IN SELECT id FROM job WHERE uuid < coalesce(p_before, 'g')
		AND (p_workflow IS NULL OR workflow = p_workflow) AND (p_state < 0 OR status = p_state)
		AND (NOT p_unfinished OR finished IS NULL) ORDER BY uuid DESC LIMIT p_limit
	LOOP
		RETURN QUERY SELECT * FROM describe_job(v_job);
	END LOOP;
END $$;

-- Cancelled jobs whose end_cancelled has not come to its end.
CREATE OR REPLACE FUNCTION list_ending(p_limit integer) RETURNS SETOF job_line
LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_job bigint;
BEGIN
	FOR v_job IN SELECT id FROM job WHERE is_ending ORDER BY id LIMIT p_limit LOOP
		RETURN QUERY SELECT * FROM describe_job(v_job);
	END LOOP;
END $$;

-- A task as people see it; number is where it stands in the order of all. Columns are those that
-- postgres_read.c reads.
CREATE OR REPLACE VIEW task_line AS
	SELECT t.id AS number, coalesce(j.uuid || '.' || (t.id & 134217727), p.id) AS id,
		j.uuid AS job, t.name, q.name AS queue, t.reason, t.scopes,
		coalesce(t.parent & 134217727, 0) AS parent,
		CASE WHEN l.task IS NOT NULL THEN 2 ELSE t.state::integer END AS state,
		coalesce(l.attempt, t.attempt) AS attempt, t.failures, t.crashes, t.losses, t.created,
		CASE WHEN t.state = 0 THEN 0 ELSE coalesce(nullif(t.due, 0), b.due, 0) END AS due,
		coalesce(t.finished, 0) AS finished, t.wait_gate, t.wait_scope
	FROM task t JOIN queue q ON q.id = t.queue
		LEFT JOIN job j ON t.id & 134217727 <> 0 AND j.id = t.id >> 27
		LEFT JOIN pushed p ON p.task = t.id LEFT JOIN lease l ON l.task = t.id
		LEFT JOIN bundle b ON b.id = t.bundle
	WHERE coalesce(b.state, 1) IN (1, 3, 4) AND coalesce(j.uuid, p.id) IS NOT NULL;

-- A task that has been deleted since still has a place in the order.
CREATE OR REPLACE FUNCTION place_of(p_id text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_number bigint := number_of(p_id);
BEGIN
	IF v_number <> 0 THEN
		RETURN v_number;
	ELSIF substr(p_id, 37, 1) = '.' THEN
		RETURN coalesce((SELECT (id << 27) - 1 FROM job WHERE uuid > substr(p_id, 1, 36)
			ORDER BY uuid LIMIT 1), 9223372036854775807);
	END IF;
	RETURN coalesce((SELECT task - 1 FROM pushed WHERE id > p_id ORDER BY id LIMIT 1),
		9223372036854775807);
END $$;

-- A slice of the numbers that a filter has to look at, after and up to these numbers.
CREATE OR REPLACE FUNCTION slice(p_after bigint, p_last bigint, p_parent bigint, p_state integer,
	p_dead boolean, p_queue integer) RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF p_parent IS NOT NULL THEN
		RETURN QUERY SELECT id FROM task WHERE parent = p_parent AND id > p_after AND id <= p_last
			ORDER BY parent, id LIMIT 1000;
	ELSIF p_dead OR p_state IN (4, 5) THEN
		RETURN QUERY SELECT task FROM dead WHERE task > p_after AND task <= p_last
			AND (p_queue IS NULL OR queue = p_queue) ORDER BY task LIMIT 1000;
	ELSIF p_state = 2 THEN
		RETURN QUERY SELECT task FROM lease WHERE task > p_after AND task <= p_last
			ORDER BY task LIMIT 1000;
	ELSE
		RETURN QUERY SELECT id FROM task WHERE id > p_after AND id <= p_last ORDER BY id LIMIT 1000;
	END IF;
END $$;

-- One slice of a page: its matching rows, then a row with the number to go on after (id NULL)
-- where more may follow. p_after: a number, or NULL for the place of p_after_id.
CREATE OR REPLACE FUNCTION list_tasks(p_job text, p_queue text, p_name text, p_parent bigint,
	p_state integer, p_dead boolean, p_bodies boolean, p_after_id text, p_after bigint,
	p_limit integer)
RETURNS TABLE (number bigint, id text, job text, name text, queue text, reason text, scopes text,
	parent bigint, state integer, attempt integer, failures integer, crashes integer,
	losses integer, created bigint, due bigint, finished bigint, wait_gate text,
	wait_scope bigint, payload text, result text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_job bigint := (SELECT j.id FROM job j WHERE j.uuid = p_job);
	v_queue integer := (SELECT q.id FROM queue q WHERE q.name = p_queue);
	v_after bigint := 0;
	v_last bigint := 9223372036854775807;
	v_numbers bigint[];
BEGIN
	IF p_job IS NOT NULL AND v_job IS NULL OR p_queue IS NOT NULL AND v_queue IS NULL THEN
		RETURN;
	ELSIF v_job IS NOT NULL THEN
		v_after := v_job << 27;
		v_last := (v_job + 1) << 27;
		v_last := v_last - 1;
	END IF;
	v_after := greatest(v_after, coalesce(p_after, CASE WHEN p_after_id IS NOT NULL THEN place_of(p_after_id) END, 0));
	v_numbers := ARRAY(SELECT * FROM slice(v_after, v_last,
		CASE WHEN v_job IS NOT NULL AND p_parent >= 0 THEN v_job << 27 | p_parent END, p_state,
		p_dead, v_queue));
	RETURN QUERY SELECT t.number, t.id, t.job, t.name, t.queue, t.reason, t.scopes, t.parent, t.state,
			t.attempt, t.failures, t.crashes, t.losses, t.created, t.due, t.finished, t.wait_gate,
			t.wait_scope,
			CASE WHEN p_bodies THEN (SELECT b.text FROM payload b WHERE b.task = t.number) END,
			CASE WHEN p_bodies THEN (SELECT b.text FROM result b WHERE b.task = t.number) END
		FROM unnest(v_numbers) n JOIN task_line t ON t.number = n
		WHERE (p_queue IS NULL OR t.queue = p_queue) AND (p_name IS NULL OR t.name = p_name)
			AND (p_parent < 0 OR t.parent = p_parent) AND (p_state < 0 OR t.state = p_state)
			AND (NOT p_dead OR t.state IN (4, 5))
		ORDER BY t.number LIMIT p_limit;
	IF cardinality(v_numbers) = 1000 THEN
		number := v_numbers[1000];
		RETURN NEXT;
	END IF;
END $$;

CREATE OR REPLACE FUNCTION get_task(p_id text) RETURNS SETOF task_line LANGUAGE sql STABLE AS $$
	SELECT * FROM task_line WHERE number = number_of(p_id)
$$;

CREATE OR REPLACE FUNCTION list_attempts(p_id text)
RETURNS TABLE (n integer, entry text, output text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_number bigint := find_task(p_id);
BEGIN
	RETURN QUERY SELECT a.n, a.entry, a.output FROM attempt a
		WHERE a.task = v_number AND a.entry IS NOT NULL ORDER BY a.id;
END $$;

-- How many of the tasks in an outbox are due later: they are counted, or the others are, whichever are
-- few. Where there are many of both it is too low.
CREATE OR REPLACE FUNCTION later_in_outbox(p_queue integer, p_total bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_now bigint := now_ms();
	v_later bigint;
	v_due bigint;
	v_rows integer;
BEGIN
	SELECT coalesce(sum(coalesce(b.tasks, 1)), 0), count(*) INTO v_later, v_rows
		FROM (SELECT bundle FROM outbox WHERE queue = p_queue AND due > v_now LIMIT 201) y
		LEFT JOIN bundle b ON b.id = y.bundle;
	IF v_rows <= 200 THEN
		RETURN v_later;
	END IF;
	SELECT coalesce(sum(coalesce(b.tasks, 1)), 0), count(*) INTO v_due, v_rows
		FROM (SELECT bundle FROM outbox WHERE queue = p_queue AND due <= v_now LIMIT 201) y
		LEFT JOIN bundle b ON b.id = y.bundle;
	RETURN CASE WHEN v_rows <= 200 THEN p_total - v_due ELSE v_later END;
END $$;

CREATE OR REPLACE FUNCTION get_queue(p_name text)
RETURNS TABLE (depth bigint, delayed bigint, working bigint, dead bigint, unsent bigint, sent bigint,
	oldest bigint, completed bigint, failed bigint) LANGUAGE sql STABLE AS $$
	WITH q AS (SELECT * FROM queue WHERE name = p_name),
	t AS (SELECT coalesce(sum(k.depth), 0) AS depth, coalesce(sum(k.delayed), 0) AS delayed,
			coalesce(sum(k.dead), 0) AS dead, coalesce(sum(k.completed), 0) AS completed,
			coalesce(sum(k.failed), 0) AS failed, coalesce(sum(k.unsent), 0) AS unsent,
			coalesce(sum(k.sent), 0) AS sent
		FROM tick k WHERE k.queue = (SELECT id FROM q)),
	-- What is delayed but due by now would be taken by a lease.
	d AS (SELECT coalesce(sum(x.tasks), 0) AS tasks, min(x.due) AS due FROM (
			SELECT coalesce(b.tasks, 1) AS tasks, y.due FROM delayed y
				LEFT JOIN bundle b ON b.id = y.bundle
			WHERE y.queue = (SELECT id FROM q) AND NOT y.is_timeout AND y.due <= (SELECT now_ms())
			LIMIT 1000) x),
	o AS (SELECT later_in_outbox(q.id, (q.unsent + t.unsent + q.sent + t.sent)::bigint) AS later
		FROM q, t)
	SELECT (q.depth + t.depth + d.tasks + q.unsent + t.unsent + q.sent + t.sent - o.later)::bigint,
		(q.delayed + t.delayed - d.tasks + o.later)::bigint,
		(SELECT count(*) FROM lease WHERE queue = q.id), (q.dead + t.dead)::bigint,
		(q.unsent + t.unsent)::bigint, (q.sent + t.sent)::bigint,
		greatest(0, coalesce(now_ms() - coalesce(d.due,
			(SELECT r.due FROM ready r WHERE r.queue = q.id
				ORDER BY r.queue, r.rank, r.due, r.n, r.bundle LIMIT 1)), 0)),
		(q.completed + t.completed)::bigint, (q.failed + t.failed)::bigint
	FROM q, t, d, o
$$;

CREATE OR REPLACE FUNCTION get_rate(p_name text, OUT span bigint, OUT tasks bigint, OUT next_ms bigint)
LANGUAGE plpgsql AS $$
BEGIN
	SELECT q.rate_ms, t.tasks, t.next_ms INTO span, tasks, next_ms
		FROM queue q, LATERAL taken_of(q.id, q.rate_ms) t WHERE q.name = p_name AND q.rate_ms > 0;
END $$;

-- Housekeeping.

CREATE OR REPLACE FUNCTION fold_ticks() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT pg_try_advisory_xact_lock(fold_lock(0)) THEN
		RETURN;
	END IF;
	WITH gone AS (DELETE FROM tick RETURNING *)
	UPDATE queue q SET depth = q.depth + s.depth, delayed = q.delayed + s.delayed,
		dead = q.dead + s.dead, completed = q.completed + s.completed, failed = q.failed + s.failed,
		unsent = q.unsent + s.unsent, sent = q.sent + s.sent
	FROM (SELECT queue, sum(depth) AS depth, sum(delayed) AS delayed, sum(dead) AS dead,
			sum(completed) AS completed, sum(failed) AS failed, sum(unsent) AS unsent,
			sum(sent) AS sent
		FROM gone GROUP BY queue) s WHERE q.id = s.queue;
END $$;

-- Children of attempts that came to nothing, at most p_limit.
CREATE OR REPLACE FUNCTION sweep_bundles(p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_left integer := p_limit;
	v_bundle bigint;
	v_first bigint;
	v_last bigint;
BEGIN
	WHILE v_left > 0 LOOP
		SELECT id INTO v_bundle FROM bundle WHERE state = 2 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
		EXIT WHEN NOT FOUND;
		SELECT * INTO v_first, v_last FROM take_chunk(v_bundle, v_left);
		IF v_first IS NULL THEN
			DELETE FROM bundle WHERE id = v_bundle;
			CONTINUE;
		END IF;
		DELETE FROM payload WHERE task BETWEEN v_first AND v_last;
		DELETE FROM task WHERE id BETWEEN v_first AND v_last;
		v_left := v_left - (v_last - v_first + 1);
	END LOOP;
	RETURN p_limit - v_left;
END $$;

-- Ids of messages that nobody can send again, see STORE_KNOWN_MS in store.h.
CREATE OR REPLACE FUNCTION forget_messages(p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_count integer;
BEGIN
	WITH old AS MATERIALIZED (SELECT queue, message FROM adopted
		WHERE at < (SELECT now_ms() - 1296000000) ORDER BY at LIMIT p_limit FOR UPDATE SKIP LOCKED)
	DELETE FROM adopted WHERE (queue, message) IN (SELECT * FROM old);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	RETURN v_count;
END $$;

-- released, due, dropped; next: ms until the next of them, -1 for none; then what was noted.
CREATE OR REPLACE FUNCTION act_sweep(p_limit integer) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_released integer := 0;
	v_due integer := 0;
	v_dropped integer;
	v_next bigint;
	v_queue integer;
	v_job bigint;
	r reply;
BEGIN
	PERFORM touch();
	PERFORM fold_ticks();
	FOR v_queue IN SELECT id FROM queue ORDER BY id LOOP
		v_released := v_released + put_back_expired(v_queue, p_limit - v_released);
		v_due := v_due + make_due(v_queue, p_limit - v_due);
		IF NOT has_door(v_queue) AND EXISTS (SELECT FROM outbox WHERE queue = v_queue) THEN
			v_due := v_due + empty_outbox(v_queue, p_limit - v_due);
			v_next := least(v_next, (SELECT 0 FROM outbox WHERE queue = v_queue LIMIT 1));
		END IF;
		v_next := least(v_next, (SELECT greatest(due - now_ms(), 0) FROM delayed WHERE queue = v_queue
			ORDER BY due LIMIT 1), next_lapse(v_queue));
		-- A process that died between its commit and its ring left sleepers beside ready tasks.
		IF EXISTS (SELECT FROM ready WHERE queue = v_queue)
			AND NOT EXISTS (SELECT FROM queue WHERE id = v_queue AND paused <> 0) THEN
			PERFORM note_ready(v_queue, 1);
		END IF;
		IF EXISTS (SELECT FROM outbox WHERE queue = v_queue AND state = 0) THEN
			PERFORM note_unsent();
		END IF;
	END LOOP;
	v_dropped := sweep_bundles(p_limit);
	v_dropped := v_dropped + sweep_doomed(p_limit - v_dropped);
	v_dropped := v_dropped + forget_messages(p_limit - v_dropped);
	DELETE FROM listener WHERE until < server_ms() - 60000;
	FOR v_job IN SELECT DISTINCT job FROM (SELECT job FROM delta LIMIT p_limit) d LOOP
		PERFORM note_job(v_job);
	END LOOP;
	RETURN QUERY SELECT * FROM notes();
	r.kind := 'swept';
	r.n := coalesce(v_next, -1);
	r.failures := v_released;
	r.crashes := v_due;
	r.losses := v_dropped;
	RETURN NEXT r;
END $$;
