-- Leases: who holds a task, until when, and with which token.

CREATE OR REPLACE FUNCTION leased(p_lease lease) RETURNS reply LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT ROW('task', t.id & 134217727,
		coalesce(j.uuid || '.' || (t.id & 134217727), p.id), j.uuid, t.parent & 134217727, t.name,
		q.name, b.text, t.scopes, p_lease.owner, p_lease.attempt, p_lease.nonce, t.failures,
		t.crashes, t.losses, p_lease.due, t.wait_scope, t.wait_gate, t.wait_until,
		p_lease.is_cancelled OR coalesce(j.status = 3, false))::reply
	FROM task t JOIN queue q ON q.id = t.queue LEFT JOIN payload b ON b.task = t.id
		LEFT JOIN job j ON t.id & 134217727 <> 0 AND j.id = t.id >> 27
		LEFT JOIN pushed p ON p.task = t.id
	WHERE t.id = p_lease.task);
END $$;

-- The task is out of its queue already.
CREATE OR REPLACE FUNCTION hold(p_task task, p_due bigint, p_owner text, p_lease_ms bigint,
	p_nonce bigint) RETURNS reply LANGUAGE plpgsql AS $$
DECLARE
	v_lease lease;
	v_now bigint := now_ms();
BEGIN
	INSERT INTO lease VALUES (p_task.id, p_task.queue, p_owner, p_task.attempt + 1, p_nonce,
		v_now + p_lease_ms, p_lease_ms, p_due, v_now, 0, p_task.is_cancelled)
		RETURNING * INTO v_lease;
	RETURN leased(v_lease);
END $$;

CREATE OR REPLACE FUNCTION is_job_cancelled(p_task bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN p_task & 134217727 <> 0
		AND coalesce((SELECT status = 3 FROM job WHERE id = p_task >> 27), false);
END $$;

CREATE OR REPLACE FUNCTION add_attempt(p_task bigint, p_n integer, p_nonce bigint, p_entry text,
	p_output text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	INSERT INTO attempt (task, n, nonce, entry, output) VALUES (p_task, p_n, p_nonce, p_entry, p_output);
END $$;

-- The trace entry of an attempt of which nobody reported anything.
CREATE OR REPLACE FUNCTION lost_entry(p_task task, p_lease lease) RETURNS text
LANGUAGE sql VOLATILE AS $$
	SELECT format('{"worker":null,"task":%s,"attempt":%s,"received_at":"%s","finished_at":"%s",'
		'"seconds":%s,"status":"lost","message":"its lease ended and nobody renewed it","queue":%s}',
		to_json(p_task.name), p_lease.attempt, timestamp_text(p_lease.since), timestamp_text(now_ms()),
		(now_ms() - p_lease.since) / 1000.0,
		to_json((SELECT name FROM queue WHERE id = p_lease.queue)))
$$;

-- Drops what the attempt wrote ahead; sweep deletes it in pages.
CREATE OR REPLACE FUNCTION drop_bundles(p_parent bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	UPDATE bundle SET state = 2 WHERE parent = p_parent AND state = 0;
END $$;

-- The lease row is deleted already; the task is ready again, waits again, or ends where its job is
-- cancelled. It keeps its due time and so its place; one that was lost more than once goes to
-- the tail.
CREATE OR REPLACE FUNCTION put_back(p_lease lease, p_losses integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v task;
	v_now bigint := now_ms();
BEGIN
	SELECT * INTO STRICT v FROM task WHERE id = p_lease.task;
	PERFORM drop_bundles(v.id);
	v.attempt := p_lease.attempt;
	v.losses := v.losses + p_losses;
	v.is_cancelled := p_lease.is_cancelled;
	v.due := p_lease.due;
	IF is_job_cancelled(v.id) THEN
		PERFORM end_cancelled_task(v);
	ELSIF v.wait_gate IS NOT NULL AND (v.wait_until = 0 OR v.wait_until > v_now)
		AND pending_of(v.id >> 27, v.wait_scope, v.wait_gate) > 0 THEN
		PERFORM suspend(v, -1);
	ELSE
		IF p_losses > 0 AND v.losses > 1 AND v.due < v_now THEN
			v.due := v_now;
		END IF;
		PERFORM queue_task(v, false);
	END IF;
END $$;

CREATE OR REPLACE FUNCTION put_back_expired(p_queue integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	v_since bigint := touch();
	v_lease lease;
	v_count integer := 0;
	v_tasks bigint[] := ARRAY(SELECT task FROM lease WHERE queue = p_queue AND until <= (SELECT now_ms())
		AND v_since + length <= server_ms() ORDER BY until LIMIT p_limit);
BEGIN
	IF v_tasks = '{}' THEN
		RETURN 0;
	END IF;
	PERFORM lock_lines(v_tasks);
	FOR v_lease IN
		-- Looked for once: the planner may try what stands behind IN again for each row, and each
		-- time finds others.
		WITH ended AS MATERIALIZED (
			SELECT task FROM lease WHERE task = ANY (v_tasks) AND until <= now_ms()
			ORDER BY until FOR UPDATE SKIP LOCKED)
		DELETE FROM lease WHERE task IN (SELECT task FROM ended)
		RETURNING *
	LOOP
		PERFORM add_attempt(v_lease.task, v_lease.attempt, NULL, lost_entry(t, v_lease), NULL)
			FROM task t WHERE t.id = v_lease.task;
		PERFORM put_back(v_lease, 1);
		v_count := v_count + 1;
	END LOOP;
	RETURN v_count;
END $$;

-- A time-out: false where its gate has woken the task already, or its job has ended.
CREATE OR REPLACE FUNCTION time_out(p_number bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v task;
BEGIN
	PERFORM FROM job WHERE id = p_number >> 27 AND status <> 3 AND finished IS NULL;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	SELECT * INTO v FROM task WHERE id = p_number;
	PERFORM FROM waiter WHERE job = p_number >> 27 AND scope = v.wait_scope AND gate = v.wait_gate
		AND task = p_number FOR UPDATE SKIP LOCKED;
	IF NOT FOUND AND v.state = 0 THEN
		-- Somebody is waking it, and may wait for its row here; should he be undone it is not forgotten.
		INSERT INTO delayed VALUES (v.queue, now_ms() + 1000, v.id, 0, true);
		RETURN false;
	ELSIF v.state <> 0 OR NOT detach(v) THEN
		RETURN false;
	END IF;
	PERFORM stop_waiting(v);
	v.due := now_ms();
	PERFORM queue_task(v, true);
	RETURN true;
END $$;

CREATE OR REPLACE FUNCTION make_due(p_queue integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	v delayed;
	v_tasks integer;
	v_rank integer;
	v_count integer := 0;
BEGIN
	IF NOT EXISTS (SELECT FROM delayed WHERE queue = p_queue AND due <= (SELECT now_ms())) THEN
		RETURN 0;
	END IF;
	FOR v IN
		WITH picked AS MATERIALIZED (
			SELECT queue, due, n, bundle FROM delayed WHERE queue = p_queue AND due <= (SELECT now_ms())
			ORDER BY due, n LIMIT p_limit FOR UPDATE SKIP LOCKED)
		DELETE FROM delayed WHERE (queue, due, n, bundle) IN (SELECT * FROM picked)
		RETURNING *
	LOOP
		IF v.is_timeout THEN
			v_count := v_count + CASE WHEN time_out(v.n) THEN 1 ELSE 0 END;
			CONTINUE;
		ELSIF v.bundle <> 0 THEN
			UPDATE bundle SET state = 1 WHERE id = v.bundle RETURNING tasks, rank INTO v_tasks, v_rank;
		ELSE
			SELECT 1, rank INTO v_tasks, v_rank FROM task WHERE id = v.n;
		END IF;
		INSERT INTO ready VALUES (v.queue, v_rank, v.due, v.n, v.bundle);
		INSERT INTO tick (queue, depth, delayed) VALUES (v.queue, v_tasks, -v_tasks);
		PERFORM note_ready(v.queue, v_tasks);
		v_count := v_count + 1;
	END LOOP;
	RETURN v_count;
END $$;

-- The time until the first lease of the queue may be put back, or NULL; after an outage it is left
-- alone for its own length. Meanwhile somebody looks every 3 s: were all silent until then, that would
-- be the next outage.
CREATE OR REPLACE FUNCTION next_lapse(p_queue integer) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN (SELECT greatest(until - now_ms(),
		least((SELECT since FROM alive) + length - server_ms(), 3000), 0)
	FROM lease WHERE queue = p_queue ORDER BY until LIMIT 1);
END $$;

-- The time until something of the queue may be leased, or NULL; and whether a limit keeps it.
DROP FUNCTION IF EXISTS next_of(integer);
CREATE OR REPLACE FUNCTION next_of(p_queue integer, p_rate bigint, p_span bigint, p_working bigint,
	OUT next_ms bigint, OUT is_kept boolean) LANGUAGE plpgsql AS $$
DECLARE
	v_next bigint;
	v_room integer;
	v_wait bigint;
BEGIN
	is_kept := false;
	IF has_ready(p_queue) THEN
		SELECT r.room, r.wait_ms INTO v_room, v_wait
			FROM room_of(p_queue, p_rate, p_span, p_working, 1) r;
		IF v_room > 0 THEN
			next_ms := 1; -- somebody is unpacking it
			RETURN;
		END IF;
		is_kept := true;
	END IF;
	SELECT due - now_ms() INTO v_next FROM delayed WHERE queue = p_queue ORDER BY due LIMIT 1;
	-- greatest() passes over NULL: nothing to wait for would be 0.
	next_ms := least(CASE WHEN v_next < 0 THEN 0 ELSE v_next END, next_lapse(p_queue), v_wait);
END $$;

-- A task at the head of the queue that is to be ended, in a line that somebody has just now. Whoever has the
-- line may wait for us, so it is left to the next look.
CREATE OR REPLACE FUNCTION is_barred(p_task bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v task;
BEGIN
	SELECT * INTO v FROM task WHERE id = p_task AND line IS NOT NULL;
	RETURN FOUND AND is_job_cancelled(p_task) AND NOT try_line(v.queue, v.line);
END $$;

-- At most p_left tasks, under the nonces behind the first p_taken.
CREATE OR REPLACE FUNCTION lease_queue(p_queue integer, p_owner text, p_lease_ms bigint,
	p_nonces bigint[], p_taken integer, p_left integer) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_entry ready;
	v_task task;
	v_left integer := p_left;
	v_ended integer := 0;
	v_leased integer := 0;
	v_has_lines boolean := EXISTS (SELECT FROM turn WHERE queue = p_queue);
	r reply;
BEGIN
	WHILE v_left > 0 AND v_ended < 16 LOOP
		IF v_has_lines THEN -- the first one that is free stays it until the end of the transaction
			SELECT * INTO v_entry FROM ready WHERE queue = p_queue
				ORDER BY queue, rank, due, n, bundle LIMIT 1 FOR UPDATE SKIP LOCKED;
			IF FOUND AND v_entry.bundle = 0 AND is_barred(v_entry.n) THEN
				PERFORM note_ready(p_queue, 1);
				EXIT;
			END IF;
		END IF;
		DELETE FROM ready WHERE (queue, rank, due, n, bundle) = (
			SELECT queue, rank, due, n, bundle FROM ready WHERE queue = p_queue
			ORDER BY queue, rank, due, n, bundle LIMIT 1 FOR UPDATE SKIP LOCKED)
			RETURNING * INTO v_entry;
		EXIT WHEN NOT FOUND;
		IF v_entry.bundle <> 0 AND is_job_cancelled(v_entry.n) THEN
			PERFORM put_off(p_queue, v_entry.n, v_entry.bundle);
			v_ended := v_ended + 1;
			CONTINUE;
		ELSIF v_entry.bundle <> 0 THEN
			PERFORM unpack(v_entry, greatest(128, v_left));
			CONTINUE;
		END IF;
		SELECT * INTO STRICT v_task FROM task WHERE id = v_entry.n;
		v_leased := v_leased + 1;
		IF is_job_cancelled(v_task.id) THEN
			PERFORM end_cancelled_task(v_task);
			v_ended := v_ended + 1;
			CONTINUE;
		END IF;
		v_left := v_left - 1;
		r := hold(v_task, v_entry.due, p_owner, p_lease_ms, p_nonces[p_taken + p_left - v_left]);
		RETURN NEXT r;
	END LOOP;
	IF v_leased > 0 THEN
		INSERT INTO tick (queue, depth) VALUES (p_queue, -v_leased);
	END IF;
	IF v_ended = 16 THEN -- more may be there; whoever waits shall look
		PERFORM note_ready(p_queue, 1);
	END IF;
END $$;

CREATE OR REPLACE FUNCTION asked(p_queues text[], p_limits bigint[]) RETURNS
	TABLE (id integer, paused bigint, rate bigint, span bigint, working bigint) LANGUAGE sql STABLE AS $$
	SELECT q.id, q.paused, coalesce(p_limits[3 * w.place - 2], 0), coalesce(p_limits[3 * w.place - 1], 0),
		coalesce(p_limits[3 * w.place], 0)
	FROM unnest(p_queues) WITH ORDINALITY AS w (name, place) JOIN queue q ON q.name = w.name
	ORDER BY w.place
$$;

-- First what is due in all of them is put back, which locks lines, then those with limits are locked, also
-- those that ring_freed looks at, both in the order of their queues; then it leases, and waits for nobody. So
-- nobody waits for anybody who waits for him.
CREATE OR REPLACE FUNCTION lease_queues(p_queues text[], p_owner text, p_lease_ms bigint,
	p_nonces bigint[], p_limits bigint[]) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v record;
	v_expired integer := 16;
	v_due integer := 16;
	v_taken integer := 0;
	v_before integer;
	v_room integer;
	v_from integer[] := '{}';
	v_freed integer[];
	r reply;
BEGIN
	FOR v IN SELECT * FROM asked(p_queues, p_limits) a ORDER BY a.id LOOP
		v_expired := v_expired - put_back_expired(v.id, v_expired);
		v_due := v_due - make_due(v.id, v_due);
	END LOOP;
	v_freed := ARRAY(SELECT DISTINCT item::integer FROM noted('reeve.freed') item);
	IF p_limits IS NOT NULL OR v_freed <> '{}' THEN
		FOR v IN SELECT q AS id, a.span, a.rate > 0 OR a.working > 0 AS is_limited, a.working
			FROM (SELECT x.id FROM asked(p_queues, p_limits) x UNION SELECT unnest(v_freed)) u (q)
			LEFT JOIN asked(p_queues, p_limits) a ON a.id = q ORDER BY q
		LOOP
			IF p_limits IS NOT NULL AND v.span IS NOT NULL THEN
				PERFORM note_limit(v.id, v.span, v.working);
			END IF;
			IF v.is_limited OR v.id = ANY (v_freed) THEN
				PERFORM lock_limits(v.id);
			END IF;
		END LOOP;
	END IF;
	FOR v IN SELECT * FROM asked(p_queues, p_limits) LOOP
		CONTINUE WHEN v.paused <> 0;
		v_before := v_taken;
		v_room := cardinality(p_nonces) - v_taken;
		IF v.rate > 0 OR v.working > 0 THEN
			SELECT x.room INTO v_room FROM room_of(v.id, v.rate, v.span, v.working, v_room) x;
			CONTINUE WHEN v_room = 0;
		END IF;
		FOR r IN SELECT * FROM lease_queue(v.id, p_owner, p_lease_ms, p_nonces, v_before, v_room) LOOP
			v_taken := v_taken + 1;
			RETURN NEXT r;
		END LOOP;
		IF v_taken > v_before THEN
			v_from := v_from || v.id;
			IF v.rate > 0 THEN
				PERFORM add_taken(v.id, v.span, v_taken - v_before);
			END IF;
		END IF;
		EXIT WHEN v_taken >= cardinality(p_nonces);
	END LOOP;
	PERFORM ring_freed(v_from);
	IF v_taken = 0 THEN
		r := NULL;
		r.kind := 'next';
		SELECT coalesce(min(n.next_ms), -1), coalesce(bool_or(n.is_kept), false)
			INTO r.n, r.is_cancelled FROM asked(p_queues, p_limits) a,
			LATERAL next_of(a.id, a.rate, a.span, a.working) n;
		RETURN NEXT r;
	END IF;
END $$;

-- The acts.

CREATE OR REPLACE FUNCTION act_lease(p_queues text[], p_owner text, p_lease_ms bigint,
	p_nonces bigint[], p_limits bigint[] DEFAULT NULL) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_count integer := 0;
	r reply;
BEGIN
	FOR r IN SELECT * FROM lease_queues(p_queues, p_owner, p_lease_ms, p_nonces, p_limits) LOOP
		v_count := v_count + CASE r.kind WHEN 'task' THEN 1 ELSE 0 END;
		RETURN NEXT r;
	END LOOP;
	IF p_limits IS NOT NULL AND v_count > 0 THEN
		PERFORM ring_more(p_queues, p_limits);
	END IF;
	RETURN QUERY SELECT * FROM notes();
END $$;

CREATE OR REPLACE FUNCTION act_lease_task(p_id text, p_owner text, p_lease_ms bigint,
	p_nonce bigint) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_number bigint := find_task(p_id);
	v task;
	v_due bigint;
BEGIN
	SELECT * INTO STRICT v FROM task WHERE id = v_number;
	IF v.state > 1 OR EXISTS (SELECT FROM lease WHERE task = v_number) THEN
		RAISE EXCEPTION 'task % is %', p_id,
			state_name(CASE WHEN v.state > 1 THEN v.state::integer ELSE 2 END)
			USING ERRCODE = 'RV409';
	ELSIF is_job_cancelled(v_number) THEN
		RAISE EXCEPTION 'the job of task % is cancelled', p_id USING ERRCODE = 'RV409';
	ELSIF NOT detach(v) THEN
		RAISE EXCEPTION 'task % is being taken by another', p_id USING ERRCODE = 'RV409';
	END IF;
	v_due := coalesce((SELECT due FROM bundle WHERE id = v.bundle), v.due);
	IF v.state = 0 THEN
		v_due := now_ms();
		PERFORM stop_waiting(v);
		UPDATE task SET state = 1, due = v_due WHERE id = v_number;
	END IF;
	RETURN NEXT hold(v, v_due, p_owner, p_lease_ms, p_nonce);
	RETURN QUERY SELECT * FROM notes();
END $$;

-- 0 renewed, 1 stale, 2 cancelled.
CREATE OR REPLACE FUNCTION act_renew(p_id text, p_owner text, p_attempt integer, p_nonce bigint,
	p_lease_ms bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_number bigint := number_of(p_id);
	v_cancelled boolean;
BEGIN
	PERFORM touch();
	UPDATE lease SET until = now_ms() + p_lease_ms, length = p_lease_ms
		WHERE task = v_number AND owner = p_owner AND attempt = p_attempt AND nonce = p_nonce
		RETURNING is_cancelled INTO v_cancelled;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	RETURN CASE WHEN v_cancelled OR is_job_cancelled(v_number) THEN 2 ELSE 0 END;
END $$;

CREATE OR REPLACE FUNCTION act_held(p_owner text) RETURNS SETOF reply LANGUAGE sql STABLE AS $$
	SELECT (leased(l)).* FROM lease l WHERE owner = p_owner ORDER BY task
$$;

-- The last line's number is how many.
CREATE OR REPLACE FUNCTION act_release(p_owner text, p_running text, p_entry text)
RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_running bigint := number_of(p_running);
	v_lease lease;
	r reply;
BEGIN
	r.n := 0;
	PERFORM lock_lines(ARRAY(SELECT task FROM lease WHERE owner = p_owner));
	FOR v_lease IN DELETE FROM lease WHERE owner = p_owner RETURNING * LOOP
		IF v_lease.task = v_running AND p_entry IS NOT NULL THEN
			PERFORM add_attempt(v_lease.task, v_lease.attempt, NULL, p_entry, NULL);
		END IF;
		PERFORM put_back(v_lease, CASE WHEN v_lease.task = v_running THEN 1 ELSE 0 END);
		r.n := r.n + 1;
	END LOOP;
	UPDATE outbox SET state = 0, is_lapsed = true WHERE state = 1 AND owner = p_owner;
	IF FOUND THEN
		PERFORM note_unsent();
	END IF;
	RETURN QUERY SELECT * FROM notes();
	r.kind := 'count';
	RETURN NEXT r;
END $$;
