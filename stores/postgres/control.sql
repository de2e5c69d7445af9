-- What people do to jobs and tasks: cancel, revive, purge; and what retention deletes.

CREATE OR REPLACE FUNCTION job_of(p_id text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	v_job bigint;
BEGIN
	SELECT id INTO v_job FROM job WHERE uuid = p_id;
	IF NOT FOUND THEN
		PERFORM no_job(p_id);
	END IF;
	RETURN v_job;
END $$;

-- All that is committed is folded, and nobody else folds until the end of the transaction.
CREATE OR REPLACE FUNCTION lock_job(p_job bigint) RETURNS job LANGUAGE plpgsql AS $$
DECLARE
	v_job job;
BEGIN
	PERFORM pg_advisory_xact_lock(fold_lock(p_job));
	LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM delta WHERE job = p_job);
		PERFORM fold_held(p_job);
	END LOOP;
	SELECT * INTO v_job FROM job WHERE id = p_job FOR NO KEY UPDATE;
	PERFORM note_job(p_job); -- who came meanwhile has left
	RETURN v_job;
END $$;

CREATE OR REPLACE FUNCTION act_cancel_job(p_id text) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_job job := lock_job(job_of(p_id));
BEGIN
	IF v_job.status <> 3 THEN
		IF v_job.finished IS NOT NULL THEN
			RAISE EXCEPTION 'job % has %', p_id,
				(ARRAY['run', 'completed', 'failed', 'been cancelled'])[v_job.status + 1]
				USING ERRCODE = 'RV409';
		END IF;
		UPDATE job SET status = 3, is_ending = true WHERE id = v_job.id;
		PERFORM note_cancelled();
	END IF;
	RETURN QUERY SELECT * FROM notes();
END $$;

-- Ends those of a cancelled job's tasks in this range that still stand in the bundle.
CREATE OR REPLACE FUNCTION end_bundled(p_bundle bigint, p_first bigint, p_last bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_bundle bundle;
	v_count integer;
	v_tallies jsonb;
BEGIN
	SELECT * INTO v_bundle FROM bundle WHERE id = p_bundle FOR UPDATE;
	IF NOT FOUND OR v_bundle.state NOT IN (1, 3, 4) THEN
		RETURN;
	END IF;
	WITH gone AS (
		UPDATE task t SET state = 7, finished = now_ms(), bundle = NULL
		WHERE id BETWEEN p_first AND p_last AND bundle = p_bundle AND state = 1
			AND is_in_chunk(p_bundle, id)
		RETURNING name
	), names AS (SELECT name, count(*) AS n FROM gone GROUP BY name)
	SELECT coalesce(sum(n), 0), jsonb_agg(jsonb_build_array(0, name, 0, 0, 0, 0, 0, n, 0, 0))
		INTO v_count, v_tallies FROM names;
	IF v_count > 0 THEN
		PERFORM shrink_bundle(v_bundle, v_count);
		PERFORM add_delta(p_first >> 27, -v_count, 0, v_tallies);
	END IF;
END $$;

-- Tasks behind `swept` have ended or are held; a held one ends when its lease does. What still stands in
-- bundles, the many as a rule, ends together.
CREATE OR REPLACE FUNCTION end_page(p_job bigint, p_limit integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	v_job job := lock_job(p_job); -- a fold takes rows of it and then its own
	v_swept bigint := v_job.swept;
	v_seen integer := 0;
	v_tasks bigint[] := ARRAY(SELECT id FROM task WHERE id > (p_job << 27 | v_swept)
		AND id < (p_job + 1) << 27 ORDER BY id LIMIT p_limit);
	v task;
BEGIN
	v_seen := cardinality(v_tasks);
	PERFORM lock_lines(v_tasks);
	PERFORM end_bundled(b, v_tasks[1], v_tasks[v_seen]) FROM (SELECT DISTINCT bundle AS b FROM task
		WHERE id BETWEEN v_tasks[1] AND v_tasks[v_seen] AND bundle IS NOT NULL AND state = 1 ORDER BY 1) x;
	FOR v IN SELECT * FROM task WHERE id BETWEEN v_tasks[1] AND v_tasks[v_seen] AND state <= 1
		ORDER BY id
	LOOP
		IF NOT EXISTS (SELECT FROM lease WHERE task = v.id)
			AND coalesce((SELECT state IN (1, 3, 4) FROM bundle WHERE id = v.bundle), true)
			AND detach(v) THEN
			PERFORM end_cancelled_task(v);
		END IF;
	END LOOP;
	UPDATE job SET swept = coalesce(v_tasks[v_seen] & 134217727, v_swept), is_ending = v_seen >= p_limit
		WHERE id = p_job RETURNING * INTO v_job;
	PERFORM settle_end(v_job);
	RETURN v_seen >= p_limit;
END $$;

-- The last line's number is 1 where tasks are left.
CREATE OR REPLACE FUNCTION act_end_cancelled(p_id text, p_limit integer) RETURNS SETOF reply
LANGUAGE plpgsql AS $$
DECLARE
	v_job bigint := job_of(p_id);
	r reply;
BEGIN
	PERFORM FROM job WHERE id = v_job AND status = 3;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'job % is not cancelled', p_id USING ERRCODE = 'RV409';
	END IF;
	r.n := CASE WHEN end_page(v_job, p_limit) THEN 1 ELSE 0 END;
	RETURN QUERY SELECT * FROM notes();
	r.kind := 'count';
	RETURN NEXT r;
END $$;

DROP FUNCTION IF EXISTS act_cancel_task(text); -- an older one answers nothing
CREATE OR REPLACE FUNCTION act_cancel_task(p_id text) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_number bigint := find_task(p_id);
BEGIN
	UPDATE lease SET is_cancelled = true WHERE task = v_number;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'task % is %', p_id,
			state_name((SELECT state FROM task WHERE id = v_number)) USING ERRCODE = 'RV409';
	END IF;
	PERFORM note_cancelled();
	RETURN QUERY SELECT * FROM notes();
END $$;

CREATE OR REPLACE FUNCTION has_rival(p_number bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN p_number & 134217727 = 0
		THEN EXISTS (SELECT FROM pushed p JOIN pushed o ON o.queue = p.queue AND o.key = p.key
			AND o.finished IS NULL AND o.task <> p.task WHERE p.task = p_number)
		ELSE EXISTS (SELECT FROM job j JOIN job o ON o.workflow = j.workflow AND o.key = j.key
			AND o.finished IS NULL AND o.id <> j.id WHERE j.id = p_number >> 27) END
$$;

-- The job runs again; it stays failed while another task that failed it has not been revived.
CREATE OR REPLACE FUNCTION resume_job(p_job job, p_task task, p_effects jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_failing bigint := p_job.failing - CASE WHEN p_task.fails_job THEN 1 ELSE 0 END;
BEGIN
	UPDATE job SET finished = NULL, swept = 0, has_results = true, failing = v_failing,
		status = CASE WHEN v_failing <= 0 THEN 0 ELSE status END,
		reason = CASE WHEN v_failing <= 0 THEN NULL ELSE reason END WHERE id = p_job.id;
	PERFORM apply(p_job.id, p_task.id, coalesce(p_effects, '{}'), 1, 0, NULL);
END $$;

CREATE OR REPLACE FUNCTION act_revive(p_id text, p_effects jsonb) RETURNS SETOF reply
LANGUAGE plpgsql AS $$
DECLARE
	v_number bigint := find_task(p_id);
	v_now bigint := now_ms();
	v_job job;
	v task;
BEGIN
	IF v_number & 134217727 <> 0 THEN
		v_job := lock_job(v_number >> 27);
	END IF;
	PERFORM lock_lines(ARRAY[v_number]);
	SELECT * INTO STRICT v FROM task WHERE id = v_number FOR UPDATE;
	IF v.state NOT IN (4, 5, 7) THEN
		RAISE EXCEPTION 'task % is %', p_id, state_name(v.state) USING ERRCODE = 'RV409';
	ELSIF v_job.status = 3 THEN
		RAISE EXCEPTION 'the job of task % is cancelled', p_id USING ERRCODE = 'RV409';
	ELSIF has_rival(v_number) THEN
		RAISE EXCEPTION 'the key of task % is taken again', p_id USING ERRCODE = 'RV409';
	END IF;
	UPDATE task SET fails_job = false, finished = NULL, reason = NULL,
		wait_until = CASE WHEN wait_timeout > 0 THEN v_now + wait_timeout ELSE 0 END
		WHERE id = v_number;
	DELETE FROM result WHERE task = v_number;
	DELETE FROM dead WHERE task = v_number;
	IF FOUND THEN
		INSERT INTO tick (queue, dead) VALUES (v.queue, -1);
	END IF;
	IF v_job.id IS NULL THEN
		UPDATE pushed SET state = NULL, finished = NULL, has_result = true WHERE task = v_number;
	ELSE
		PERFORM resume_job(v_job, v, p_effects);
	END IF;
	v.failures := 0;
	v.crashes := 0;
	v.losses := 0;
	v.is_cancelled := false;
	v.due := v_now;
	IF v.line IS NOT NULL THEN
		PERFORM join_line(v, v.line);
	END IF;
	PERFORM queue_task(v, true);
	RETURN QUERY SELECT * FROM notes();
EXCEPTION WHEN unique_violation THEN
	RAISE EXCEPTION 'the key of task % is taken again', p_id USING ERRCODE = 'RV409';
END $$;

CREATE OR REPLACE FUNCTION delete_pushed(p_number bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer;
BEGIN
	DELETE FROM pushed WHERE task = p_number;
	DELETE FROM payload WHERE task = p_number;
	DELETE FROM result WHERE task = p_number;
	DELETE FROM attempt WHERE task = p_number;
	DELETE FROM task WHERE id = p_number;
	DELETE FROM dead WHERE task = p_number RETURNING queue INTO v_queue;
	IF FOUND THEN
		INSERT INTO tick (queue, dead) VALUES (v_queue, -1);
	END IF;
END $$;

CREATE OR REPLACE FUNCTION act_purge(p_queue text, p_dead boolean, p_limit integer)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer := (SELECT id FROM queue WHERE name = p_queue);
	v_count integer := 0;
	v_page bigint[];
	v task;
BEGIN
	IF p_dead THEN
		FOR v IN SELECT t.* FROM dead d JOIN task t ON t.id = d.task
			WHERE d.queue = v_queue AND t.parent IS NULL ORDER BY d.task LIMIT p_limit
			FOR UPDATE OF t SKIP LOCKED
		LOOP
			PERFORM delete_pushed(v.id);
			v_count := v_count + 1;
		END LOOP;
		RETURN v_count;
	END IF;
	v_page := ARRAY(SELECT p.task FROM pushed p WHERE p.queue = v_queue AND p.finished IS NULL
		AND NOT EXISTS (SELECT FROM lease l WHERE l.task = p.task) ORDER BY p.task LIMIT p_limit);
	PERFORM lock_lines(v_page);
	FOR v IN SELECT * FROM task WHERE id = ANY (v_page) ORDER BY id LOOP
		IF v.state = 1 AND detach(v) THEN -- else somebody is taking it
			PERFORM leave_line(v);
			PERFORM delete_pushed(v.id);
			v_count := v_count + 1;
		END IF;
	END LOOP;
	RETURN v_count;
END $$;

-- Retention. A job goes at once; its rows follow while it stands among the doomed.

CREATE OR REPLACE FUNCTION delete_tasks(p_job bigint, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	v_first bigint := p_job << 27;
	v_last bigint := v_first;
	v_count integer := 0;
	v task;
	d dead;
BEGIN
	IF NOT try_lines(ARRAY(SELECT id FROM task WHERE id > v_first AND id < (p_job + 1) << 27
			ORDER BY id LIMIT p_limit)) THEN
		RETURN p_limit; -- the next page of retention
	END IF;
	FOR v IN SELECT * FROM task WHERE id > v_first AND id < (p_job + 1) << 27 ORDER BY id LIMIT p_limit
	LOOP
		v_last := v.id;
		v_count := v_count + 1;
		IF v.state <= 1 AND coalesce((SELECT state IN (1, 3, 4) FROM bundle WHERE id = v.bundle), true) THEN
			PERFORM detach(v);
		END IF;
		PERFORM leave_line(v);
	END LOOP;
	DELETE FROM payload WHERE task BETWEEN v_first AND v_last;
	DELETE FROM result WHERE task BETWEEN v_first AND v_last;
	DELETE FROM attempt WHERE task BETWEEN v_first AND v_last;
	DELETE FROM lease WHERE task BETWEEN v_first AND v_last;
	FOR d IN DELETE FROM dead WHERE task BETWEEN v_first AND v_last RETURNING * LOOP
		INSERT INTO tick (queue, dead) VALUES (d.queue, -1);
	END LOOP;
	DELETE FROM task WHERE id BETWEEN v_first AND v_last;
	RETURN v_count;
END $$;

CREATE OR REPLACE FUNCTION sweep_doomed(p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_left integer := p_limit;
	v_job bigint;
	v_first bigint;
	v_end bigint;
BEGIN
	WHILE v_left > 0 LOOP
		SELECT job INTO v_job FROM doomed ORDER BY job LIMIT 1 FOR UPDATE SKIP LOCKED;
		EXIT WHEN NOT FOUND;
		v_left := v_left - delete_tasks(v_job, v_left);
		EXIT WHEN v_left <= 0;
		v_first := v_job << 27;
		v_end := ((v_job + 1) << 27) - 1;
		DELETE FROM ready WHERE bundle IN (SELECT id FROM bundle WHERE parent BETWEEN v_first AND v_end)
			AND (queue, rank, due) IN (SELECT queue, rank, due FROM bundle
				WHERE parent BETWEEN v_first AND v_end AND state = 1);
		DELETE FROM delayed WHERE bundle IN (SELECT id FROM bundle WHERE parent BETWEEN v_first AND v_end)
			AND (queue, due) IN (SELECT queue, due FROM bundle
				WHERE parent BETWEEN v_first AND v_end AND state = 3);
		DELETE FROM outbox WHERE n BETWEEN v_first AND v_end;
		DELETE FROM chunk WHERE bundle IN (SELECT id FROM bundle WHERE parent BETWEEN v_first AND v_end);
		DELETE FROM bundle WHERE parent BETWEEN v_first AND v_end;
		DELETE FROM waiter WHERE job = v_job;
		DELETE FROM counter WHERE job = v_job;
		DELETE FROM tally WHERE job = v_job;
		DELETE FROM delta WHERE job = v_job;
		DELETE FROM seq WHERE job = v_job;
		DELETE FROM payload WHERE task = v_first;
		DELETE FROM doomed WHERE job = v_job;
		v_left := v_left - 1;
	END LOOP;
	RETURN p_limit - v_left;
END $$;

-- The key of a job is the id of a task that has not ended: that has still to read what has become of it.
CREATE OR REPLACE FUNCTION is_awaited(p_key text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(substr(p_key, 37, 1) = '.', false)
		AND EXISTS (SELECT FROM task WHERE id = number_of(p_key) AND state <= 2);
END $$;

-- The next jobs and pushed tasks that ended in these states before the time.
CREATE OR REPLACE FUNCTION drop_ended(p_jobs integer[], p_pushed integer[], p_before bigint,
	p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_count integer := 0;
	v_state integer;
	v_number bigint;
BEGIN
	FOREACH v_state IN ARRAY p_jobs LOOP
		FOR v_number IN WITH picked AS MATERIALIZED (
				SELECT id FROM job WHERE status = v_state AND finished < p_before AND finished IS NOT NULL
				AND NOT is_awaited(key) ORDER BY finished LIMIT p_limit - v_count FOR UPDATE SKIP LOCKED)
			DELETE FROM job WHERE id IN (SELECT id FROM picked) RETURNING id
		LOOP
			INSERT INTO doomed VALUES (v_number) ON CONFLICT DO NOTHING;
			v_count := v_count + 1;
		END LOOP;
	END LOOP;
	FOREACH v_state IN ARRAY p_pushed LOOP
		FOR v_number IN SELECT task FROM pushed WHERE state = v_state AND finished < p_before
			AND finished IS NOT NULL ORDER BY finished LIMIT p_limit - v_count FOR UPDATE SKIP LOCKED
		LOOP
			PERFORM delete_pushed(v_number);
			v_count := v_count + 1;
		END LOOP;
	END LOOP;
	RETURN v_count;
END $$;

-- Drops results of what ended first; answers how many rows it has looked at.
CREATE OR REPLACE FUNCTION drop_results(p_before bigint, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	v_left integer := p_limit;
	v_job job;
	v_ids bigint[];
BEGIN
	WHILE v_left > 0 LOOP
		SELECT * INTO v_job FROM job WHERE has_results AND finished < p_before
			AND finished IS NOT NULL AND NOT is_awaited(key)
			ORDER BY finished LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
		EXIT WHEN NOT FOUND;
		v_ids := ARRAY(SELECT task FROM result WHERE task > v_job.id << 27
			AND task < (v_job.id + 1) << 27 ORDER BY task LIMIT v_left);
		DELETE FROM result WHERE task = ANY (v_ids);
		UPDATE job SET has_results = cardinality(v_ids) >= v_left WHERE id = v_job.id;
		v_left := v_left - greatest(cardinality(v_ids), 1);
	END LOOP;
	WHILE v_left > 0 LOOP
		v_ids := ARRAY(SELECT task FROM pushed WHERE has_result AND finished < p_before
			AND finished IS NOT NULL ORDER BY finished LIMIT v_left FOR UPDATE SKIP LOCKED);
		EXIT WHEN cardinality(v_ids) = 0;
		DELETE FROM result WHERE task = ANY (v_ids);
		UPDATE pushed SET has_result = false WHERE task = ANY (v_ids);
		v_left := v_left - cardinality(v_ids);
	END LOOP;
	RETURN p_limit - v_left;
END $$;

-- How many jobs and pushed tasks have gone, and whether there may be more to do.
-- Asked for by applications, and refused.
CREATE OR REPLACE FUNCTION drop_starts(p_before bigint, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	v_count integer;
BEGIN
	WITH gone AS MATERIALIZED (SELECT id FROM start WHERE failed IS NOT NULL
		AND created < p_before ORDER BY created LIMIT p_limit FOR UPDATE SKIP LOCKED)
	DELETE FROM start WHERE id IN (SELECT id FROM gone);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	RETURN v_count;
END $$;

CREATE OR REPLACE FUNCTION act_gc(p_completed bigint, p_failed bigint, p_results bigint,
	p_limit integer, OUT deleted integer, OUT is_left boolean) LANGUAGE plpgsql AS $$
DECLARE
	v_left integer := p_limit - sweep_doomed(p_limit);
	v_count integer;
BEGIN
	deleted := 0;
	IF v_left > 0 AND p_completed >= 0 THEN
		v_count := drop_ended('{1}', '{3,6}', p_completed, v_left);
		deleted := deleted + v_count;
		v_left := v_left - v_count;
	END IF;
	IF v_left > 0 AND p_failed >= 0 THEN
		v_count := drop_ended('{2,3}', '{4,5,7}', p_failed, v_left);
		deleted := deleted + v_count;
		v_left := v_left - v_count - drop_starts(p_failed, v_left - v_count);
	END IF;
	IF v_left > 0 AND p_results >= 0 THEN
		v_left := v_left - drop_results(p_results, v_left);
	END IF;
	is_left := v_left <= 0 OR EXISTS (SELECT FROM doomed);
END $$;
