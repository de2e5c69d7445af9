-- How jobs and tasks come in, are born, and end.

-- Puts a delta for all that a step changes. Effects are what C wrote, see postgres_commit.c:
-- {"children": [{name, queue, payload, rank, delay, scopes, gate, scope, timeout}, ...],
-- "counters": [...], "tallies": [...] (see delta), "failure"}. children: written ahead by it.
CREATE OR REPLACE FUNCTION apply(p_job bigint, p_parent bigint, p_effects jsonb, p_active integer,
	p_failing integer, p_waits jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_now bigint := now_ms();
	v_active integer := p_active;
	v_waiting integer := 0;
	v_tallies jsonb := coalesce(p_effects -> 'tallies', '[]');
	v_waits jsonb := coalesce(p_waits, '[]');
	v_births integer := coalesce(jsonb_array_length(p_effects -> 'children'), 0);
	v_number bigint;
	v task;
	c record;
BEGIN
	IF v_births > 0 THEN
		UPDATE seq SET next = next + v_births WHERE job = p_job
			RETURNING p_job << 27 | (next - v_births) INTO STRICT v_number;
		FOR c IN SELECT * FROM jsonb_to_recordset(p_effects -> 'children') AS x (name text,
			queue text, payload text, rank integer, delay bigint, scopes text, gate text,
			scope bigint, timeout bigint)
		LOOP
			INSERT INTO task (id, parent, name, queue, rank, scopes, state, due, delay, created,
				wait_scope, wait_gate, wait_until, wait_timeout)
				VALUES (v_number, p_parent, c.name, queue_of(c.queue), c.rank, c.scopes,
				CASE WHEN c.gate IS NULL THEN 1 ELSE 0 END,
				CASE WHEN c.gate IS NULL THEN v_now + c.delay ELSE 0 END, c.delay, v_now,
				coalesce(c.scope, 0), c.gate,
				CASE WHEN c.timeout > 0 THEN v_now + c.timeout ELSE 0 END, coalesce(c.timeout, 0))
				RETURNING * INTO v;
			INSERT INTO payload VALUES (v_number, c.payload);
			IF c.gate IS NULL THEN
				PERFORM place(v.queue, v.rank, v.due, v.id, 0, 1);
				v_active := v_active + 1;
			ELSE
				PERFORM add_waiter(v, -1);
				v_waiting := v_waiting + 1;
				v_tallies := v_tallies || jsonb_build_array(
					jsonb_build_array(0, c.name, 0, 0, 0, 0, 0, 0, 0, 1));
				v_waits := v_waits || jsonb_build_array(jsonb_build_array(v.wait_scope, v.wait_gate));
			END IF;
			v_number := v_number + 1;
		END LOOP;
	END IF;
	INSERT INTO delta (job, active, waiting, failing, births, failure, counters, tallies, waits)
		VALUES (p_job, v_active, v_waiting, p_failing, v_births > 0, p_effects ->> 'failure',
		p_effects -> 'counters', nullif(v_tallies, '[]'), nullif(v_waits, '[]'));
	PERFORM note_job(p_job);
END $$;

-- Answers the id of the job that it is: this one, or the one that has its key.
CREATE OR REPLACE FUNCTION act_submit(p_id text, p_workflow text, p_hash text, p_payload text,
	p_key text, p_effects jsonb) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_job bigint;
	r reply;
BEGIN
	r.kind := 'id';
	r.id := p_id;
	LOOP
		PERFORM FROM job WHERE uuid = p_id;
		EXIT WHEN FOUND;
		SELECT uuid INTO r.id FROM job
			WHERE workflow = p_workflow AND key = p_key AND finished IS NULL;
		EXIT WHEN FOUND;
		r.id := p_id;
		INSERT INTO job (id, uuid, workflow, hash, key, created)
			VALUES (nextval('number'), p_id, p_workflow, p_hash, p_key, now_ms())
			ON CONFLICT DO NOTHING RETURNING id INTO v_job;
		CONTINUE WHEN NOT FOUND;
		INSERT INTO seq VALUES (v_job, 1);
		INSERT INTO payload VALUES (v_job << 27, p_payload);
		PERFORM apply(v_job, v_job << 27, p_effects, 0, 0, NULL);
		PERFORM fold_held(v_job); -- nobody else can see it yet
		EXIT;
	END LOOP;
	IF r.id = p_id THEN
		DELETE FROM start WHERE id = p_id; -- asked for by an application
	ELSE -- who has been told the id finds out
		UPDATE start SET failed = format('its key was taken by job %s', r.id) WHERE id = p_id;
	END IF;
	RETURN NEXT r;
	RETURN QUERY SELECT * FROM notes();
END $$;

-- The same for a job that runs in the place of a task. A cancel of that task's job waits for the row until
-- the new job is there to be found, or has come before and is seen here. The job before its task, as all do.
CREATE OR REPLACE FUNCTION act_submit_in(p_place text, p_id text, p_workflow text, p_hash text,
	p_payload text, p_key text, p_effects jsonb) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_number bigint;
	v_may boolean := true;
BEGIN
	PERFORM FROM job WHERE uuid = p_id;
	IF NOT FOUND THEN
		v_number := number_of(p_place);
		PERFORM FROM job WHERE id = v_number >> 27 AND status <> 3 FOR SHARE;
		v_may := FOUND;
		PERFORM FROM task WHERE id = v_number AND state <= 2 FOR SHARE;
		v_may := v_may AND FOUND
			AND NOT EXISTS (SELECT FROM lease WHERE task = v_number AND is_cancelled);
	END IF;
	IF NOT v_may THEN
		RAISE EXCEPTION 'task % has ended or is cancelled: no job can begin in its place', p_place
			USING ERRCODE = 'RV409';
	END IF;
	RETURN QUERY SELECT * FROM act_submit(p_id, p_workflow, p_hash, p_payload, p_key, p_effects);
END $$;

CREATE OR REPLACE FUNCTION push_one(p_id text, p_name text, p_queue text, p_payload text,
	p_key text, p_rank integer, p_delay bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer := queue_of(p_queue);
	v_number bigint;
	v_now bigint := now_ms();
	v_other text;
BEGIN
	LOOP
		v_number := number_of(p_id);
		IF v_number <> 0 AND EXISTS (SELECT FROM task WHERE id = v_number) THEN
			RETURN p_id;
		END IF;
		IF p_key IS NOT NULL THEN
			-- Asked for in the order of pushed_key, which the planner then takes: by pushed_open it would
			-- read all that is queued there.
			SELECT id INTO v_other FROM pushed WHERE queue = v_queue AND key >= p_key AND key <= p_key
				AND finished IS NULL ORDER BY queue, key LIMIT 1;
			IF FOUND THEN
				RETURN v_other;
			END IF;
		END IF;
		INSERT INTO pushed (task, id, queue, key)
			VALUES (nextval('number') << 27, p_id, v_queue, p_key)
			ON CONFLICT DO NOTHING RETURNING task INTO v_number;
		CONTINUE WHEN NOT FOUND;
		INSERT INTO task (id, name, queue, rank, state, due, created)
			VALUES (v_number, p_name, v_queue, p_rank, 1, v_now + p_delay, v_now);
		INSERT INTO payload VALUES (v_number, p_payload);
		PERFORM place(v_queue, p_rank, v_now + p_delay, v_number, 0, 1);
		RETURN p_id;
	END LOOP;
END $$;

-- pushes: [{id, name, queue, payload, key, rank, delay}, ...]; answers their ids in this order.
CREATE OR REPLACE FUNCTION act_push(p_pushes jsonb) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	c record;
	r reply;
BEGIN
	r.kind := 'id';
	FOR c IN SELECT * FROM jsonb_to_recordset(p_pushes) AS x (id text, name text, queue text,
		payload text, key text, rank integer, delay bigint)
	LOOP
		r.id := push_one(c.id, c.name, c.queue, c.payload, c.key, c.rank, c.delay);
		RETURN NEXT r;
	END LOOP;
	RETURN QUERY SELECT * FROM notes();
END $$;

-- Children written ahead: [{name, queue, payload, rank, delay, scopes}, ...].
CREATE OR REPLACE FUNCTION act_spawn(p_id text, p_owner text, p_attempt integer, p_nonce bigint,
	p_first bigint, p_children jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_number bigint := number_of(p_id);
	v_spawned bigint;
	v_count integer := jsonb_array_length(p_children);
	v_base bigint;
	v_now bigint := now_ms();
BEGIN
	SELECT spawned INTO v_spawned FROM lease WHERE task = v_number AND owner = p_owner
		AND attempt = p_attempt AND nonce = p_nonce FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'task % is not held by this token', p_id USING ERRCODE = 'RV409';
	ELSIF v_number & 134217727 = 0 THEN
		RAISE EXCEPTION 'task % has no job and may not spawn', p_id USING ERRCODE = 'RV400';
	ELSIF p_first < v_spawned OR v_count = 0 THEN
		RETURN; -- this chunk is written
	END IF;
	UPDATE lease SET spawned = p_first + v_count WHERE task = v_number;
	UPDATE seq SET next = next + v_count WHERE job = v_number >> 27
		RETURNING next - v_count INTO STRICT v_base;
	IF v_base + v_count > 134217727 THEN
		RAISE EXCEPTION 'a job has at most 134217727 tasks' USING ERRCODE = 'RV400';
	END IF;
	v_base := v_number >> 27 << 27 | v_base;
	INSERT INTO bundle (id, parent, queue, rank, delay)
		SELECT nextval('number'), v_number, k.queue, k.rank, k.delay
		FROM (SELECT DISTINCT queue_of(x.queue) AS queue, x.rank, x.delay
			FROM jsonb_to_recordset(p_children) AS x (queue text, rank integer, delay bigint)) k
		WHERE NOT EXISTS (SELECT FROM bundle b WHERE b.parent = v_number AND b.state = 0
			AND b.queue = k.queue AND b.rank = k.rank AND b.delay = k.delay);
	INSERT INTO task (id, parent, name, queue, rank, scopes, state, due, bundle, delay, created)
		SELECT v_base + x.place - 1, v_number, x.name, b.queue, x.rank, x.scopes, 1, 0, b.id, x.delay,
			v_now
		FROM ROWS FROM (jsonb_to_recordset(p_children) AS (name text, queue text, rank integer,
			delay bigint, scopes text)) WITH ORDINALITY AS x (name, queue, rank, delay, scopes, place)
		JOIN queue q ON q.name = x.queue
		JOIN bundle b ON b.parent = v_number AND b.state = 0 AND b.queue = q.id
			AND b.rank = x.rank AND b.delay = x.delay;
	INSERT INTO payload SELECT v_base + x.place - 1, x.value ->> 'payload'
		FROM jsonb_array_elements(p_children) WITH ORDINALITY AS x (value, place);
	INSERT INTO chunk SELECT bundle, min(id), max(id) FROM (
			SELECT id, bundle, id - row_number() OVER (PARTITION BY bundle ORDER BY id) AS run
			FROM task WHERE id BETWEEN v_base AND v_base + v_count - 1) t
		GROUP BY bundle, run;
	UPDATE bundle b SET tasks = b.tasks + n.count
		FROM (SELECT bundle, count(*) FROM task
			WHERE id BETWEEN v_base AND v_base + v_count - 1 GROUP BY bundle) n
		WHERE b.id = n.bundle;
END $$;

-- What was written ahead is born: one entry for each bundle, however many are in it.
CREATE OR REPLACE FUNCTION bear_bundles(p_parent bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_now bigint := now_ms();
	v_born integer := 0;
	v_first bigint;
	v_has_door boolean;
	b bundle;
BEGIN
	FOR b IN SELECT * FROM bundle WHERE parent = p_parent AND state = 0 ORDER BY id LOOP
		v_has_door := has_door(b.queue);
		UPDATE bundle SET due = v_now + delay,
			state = CASE WHEN v_has_door THEN 4 WHEN delay > 0 THEN 3 ELSE 1 END WHERE id = b.id;
		SELECT first INTO v_first FROM chunk WHERE bundle = b.id ORDER BY first LIMIT 1;
		IF v_has_door THEN
			PERFORM add_unsent(b.queue, b.rank, v_now + b.delay, v_first, b.id, b.tasks);
		ELSE
			PERFORM keep(b.queue, b.rank, v_now + b.delay, v_first, b.id, b.tasks);
		END IF;
		v_born := v_born + b.tasks;
	END LOOP;
	RETURN v_born;
END $$;

-- The gate may not open: it waits again, and is judged again at once where its counter has fallen
-- since. The attempt is not counted.
CREATE OR REPLACE FUNCTION wait_again(p_task task, p_seen bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	p_task.attempt := p_task.attempt - 1;
	PERFORM leave_line(p_task);
	UPDATE task SET state = 0, due = 0, attempt = p_task.attempt, failures = p_task.failures,
		crashes = p_task.crashes, is_cancelled = p_task.is_cancelled, bundle = NULL, line = NULL
		WHERE id = p_task.id;
	PERFORM add_waiter(p_task, p_seen);
END $$;

CREATE OR REPLACE FUNCTION end_task(p_task task, p_state integer, p_fails_job boolean,
	p_reason text, p_result text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_is_dead integer := CASE WHEN p_state IN (4, 5) THEN 1 ELSE 0 END;
	v_now bigint := now_ms();
BEGIN
	UPDATE task SET state = p_state, attempt = p_task.attempt, failures = p_task.failures,
		crashes = p_task.crashes, fails_job = p_fails_job, finished = v_now, reason = p_reason,
		bundle = NULL WHERE id = p_task.id;
	IF p_result IS NOT NULL THEN
		INSERT INTO result VALUES (p_task.id, p_result)
			ON CONFLICT (task) DO UPDATE SET text = excluded.text;
	END IF;
	IF p_state IN (3, 4, 5) THEN
		INSERT INTO tick (queue, completed, failed, dead)
			VALUES (p_task.queue, 1 - v_is_dead, v_is_dead, v_is_dead);
	END IF;
	IF v_is_dead = 1 THEN
		INSERT INTO dead VALUES (p_task.id, p_task.queue) ON CONFLICT DO NOTHING;
	END IF;
	IF p_task.id & 134217727 = 0 THEN
		UPDATE pushed SET state = p_state, finished = v_now WHERE task = p_task.id;
	END IF;
	PERFORM leave_line(p_task);
END $$;

-- Outcomes are numbered as in store.h: 0 completed, 1 failed, 2 invalid, 3 skipped, 4 cancelled,
-- 5 retry, 6 wait, 7 give back. Answers 0 done, 1 repeated, 2 stale, and the job's number.
CREATE OR REPLACE FUNCTION act_commit(p_id text, p_owner text, p_attempt integer, p_nonce bigint,
	p_outcome integer, p_result text, p_reason text, p_failures integer, p_crashes integer,
	p_losses integer, p_delay bigint, p_version bigint, p_entry text, p_output text,
	p_effects jsonb, OUT answer integer, OUT job bigint) LANGUAGE plpgsql AS $$
DECLARE
	v_number bigint := number_of(p_id);
	v_outcome integer := p_outcome;
	v_active integer := 0;
	v_waits jsonb;
	v_effects jsonb := coalesce(p_effects, '{}');
	v_is_cancelled boolean;
	v_tally bigint[] := ARRAY[0, 0, 0, 0, 0, 0, 0];
	l lease;
	v task;
BEGIN
	SELECT * INTO v FROM task WHERE id = v_number;
	IF p_outcome = 6 AND v.id IS NOT NULL AND v.wait_gate IS NULL THEN
		RAISE EXCEPTION 'task % waits for nothing', p_id USING ERRCODE = 'RV400';
	ELSIF v.line IS NOT NULL THEN -- before any row
		PERFORM lock_line(v.queue, v.line);
	END IF;
	DELETE FROM lease WHERE task = v_number AND owner = p_owner AND attempt = p_attempt
		AND nonce = p_nonce RETURNING * INTO l;
	IF NOT FOUND THEN
		answer := CASE WHEN EXISTS (SELECT FROM attempt
			WHERE task = v_number AND nonce = p_nonce AND n = p_attempt) THEN 1 ELSE 2 END;
		RETURN;
	END IF;
	answer := 0;
	SELECT * INTO STRICT v FROM task WHERE id = v_number;
	IF (SELECT has_max_working FROM queue WHERE id = v.queue) THEN
		PERFORM note('reeve.freed', v.queue::text);
	END IF;
	v_is_cancelled := is_job_cancelled(v_number);
	IF v_is_cancelled AND v_outcome > 4 THEN
		v_outcome := 4; -- nothing of it is queued again
	END IF;
	PERFORM add_attempt(v_number, p_attempt, p_nonce, p_entry, p_output);
	v.attempt := p_attempt;
	v.failures := p_failures;
	v.crashes := p_crashes;
	v.is_cancelled := l.is_cancelled;
	IF v_outcome <= 4 THEN
		PERFORM end_task(v, v_outcome + 3, NOT v_is_cancelled AND v_effects ? 'failure', p_reason,
			p_result);
		v_active := -1;
	ELSIF v_outcome = 5 THEN
		v.due := now_ms() + p_delay;
		PERFORM queue_task(v, true);
	ELSIF v_outcome = 6 THEN
		PERFORM wait_again(v, p_version);
		v_active := -1;
	ELSE
		v.due := l.due; -- and so its place
		v.losses := v.losses + p_losses;
		PERFORM queue_task(v, false);
	END IF;
	IF v_number & 134217727 = 0 THEN
		RETURN;
	END IF;
	job := v_number >> 27;
	IF v_outcome = 0 AND NOT v_is_cancelled THEN
		v_active := v_active + bear_bundles(v_number);
	ELSE
		PERFORM drop_bundles(v_number);
	END IF;
	IF v_is_cancelled THEN
		v_tally[v_outcome + 2] := 1;
		v_effects := jsonb_build_object('tallies', jsonb_build_array(
			jsonb_build_array(0, v.name) || to_jsonb(v_tally)));
	END IF;
	IF v_outcome = 6 THEN
		v_waits := jsonb_build_array(jsonb_build_array(v.wait_scope, v.wait_gate));
	END IF;
	IF v_active <> 0 OR v_effects <> '{}' THEN
		PERFORM apply_wait(job, v_number, v_effects, v_active,
			CASE WHEN v_outcome <= 4 AND v_effects ? 'failure' THEN 1 ELSE 0 END, v.name, v_waits);
	END IF;
END $$;

-- The delta of a commit; one that waits again is counted among those that wait.
CREATE OR REPLACE FUNCTION apply_wait(p_job bigint, p_parent bigint, p_effects jsonb,
	p_active integer, p_failing integer, p_name text, p_waits jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	IF p_waits IS NOT NULL THEN
		INSERT INTO delta (job, active, waiting, tallies) VALUES (p_job, p_active, 1,
			jsonb_build_array(jsonb_build_array(0, p_name, 0, 0, 0, 0, 0, 0, 0, 1)));
		PERFORM apply(p_job, p_parent, p_effects, 0, p_failing, p_waits);
	ELSE
		PERFORM apply(p_job, p_parent, p_effects, p_active, p_failing, NULL);
	END IF;
END $$;

-- The end of a commit, once its jobs are settled: the jobs to be looked at once more, the next
-- leases, and what was noted. Nothing where the commits were undone: they have not set the mark.
CREATE OR REPLACE FUNCTION act_next(p_mark text, p_queues text[], p_owner text, p_lease_ms bigint,
	p_nonces bigint[], p_limits bigint[] DEFAULT NULL) RETURNS SETOF reply LANGUAGE plpgsql AS $$
BEGIN
	IF coalesce(current_setting('reeve.mark', true), '') <> p_mark THEN
		RETURN;
	END IF;
	PERFORM settle();
	IF p_queues IS NOT NULL THEN
		RETURN QUERY SELECT * FROM lease_queues(p_queues, p_owner, p_lease_ms, p_nonces, p_limits);
	ELSE
		PERFORM ring_freed('{}');
	END IF;
	RETURN QUERY SELECT * FROM notes();
END $$;

CREATE OR REPLACE FUNCTION act_put_workflow(p_hash text, p_name text, p_text text) RETURNS void
LANGUAGE sql VOLATILE AS $$
	INSERT INTO workflow VALUES (p_hash, p_name, p_text, now_ms()) ON CONFLICT DO NOTHING
$$;
