-- Folding: what commits have added to a job beside each other (delta) is added up by one at a time,
-- who holds the job's advisory lock; it wakes who waits for a counter and ends the job. Nobody
-- queues for that lock. Who finds it taken leaves; who has held it looks once more after his
-- transaction, without holding it, so that no delta is left behind:
--
--   committer: commit of its delta; look, try the lock; taken: leave
--   holder:    fold; commit, which frees the lock; look again: what came meanwhile is seen here
--
-- A delta whose committer and holder both died is folded by sweep. Where nobody can be woken by them and
-- the job can't end, up to 32 deltas are left to be folded together.

CREATE OR REPLACE FUNCTION fold_lock(p_job bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT (value & 67108863) << 37 | p_job FROM meta WHERE name = 'tag');
END $$;

-- A waiting task is queued: its gate opens.
CREATE OR REPLACE FUNCTION wake(p_task bigint, p_now bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v task;
BEGIN
	UPDATE task SET state = 1, due = p_now + delay WHERE id = p_task RETURNING * INTO v;
	IF v.wait_until > 0 THEN
		DELETE FROM delayed WHERE queue = v.queue AND due = v.wait_until AND n = v.id AND is_timeout;
	END IF;
	PERFORM place(v.queue, v.rank, v.due, v.id, 0, 1);
	RETURN v.name;
END $$;

-- Wakes who waits for a counter that is 0 and has fallen since they were judged; at most 256, and a
-- new delta tells that there are more.
CREATE OR REPLACE FUNCTION wake_waiters(p_job bigint, p_counters jsonb) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	v_now bigint := now_ms();
	v_woken integer := 0;
	v_names jsonb := '[]';
	v_counter record;
	v_task bigint;
BEGIN
	FOR v_counter IN
		SELECT DISTINCT w.scope, w.gate, coalesce(k.version, 0) AS version
		FROM jsonb_array_elements(p_counters) c
		JOIN LATERAL (SELECT (c ->> 0)::bigint AS scope, c ->> 1 AS gate) w ON true
		LEFT JOIN counter k ON k.job = p_job AND k.scope = w.scope AND k.gate = w.gate
		WHERE coalesce(k.pending, 0) <= 0
	LOOP
		FOR v_task IN
			DELETE FROM waiter WHERE (job, scope, gate, task) IN (
				SELECT job, scope, gate, task FROM waiter WHERE job = p_job AND scope = v_counter.scope
				AND gate = v_counter.gate AND seen < v_counter.version ORDER BY task LIMIT 256)
			RETURNING task
		LOOP
			v_names := v_names || jsonb_build_array(wake(v_task, v_now));
			v_woken := v_woken + 1;
		END LOOP;
		IF v_woken >= 256 THEN
			PERFORM add_delta(p_job, 0, 0, NULL,
				jsonb_build_array(jsonb_build_array(v_counter.scope, v_counter.gate)));
		END IF;
	END LOOP;
	UPDATE tally t SET waiting = t.waiting - n.count
		FROM (SELECT name, count(*) FROM jsonb_array_elements_text(v_names) name GROUP BY name) n
		WHERE t.job = p_job AND t.scope = 0 AND t.name = n.name;
	RETURN v_woken;
END $$;

-- Ends the job where nothing of it is queued or working; a cancelled one where nothing works and
-- end_cancelled has come to its end. The caller has locked its row.
CREATE OR REPLACE FUNCTION settle_end(p_job job) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF p_job.finished IS NOT NULL THEN
		RETURN;
	ELSIF p_job.status = 3 THEN
		IF p_job.is_ending OR EXISTS (SELECT FROM lease
			WHERE task > p_job.id << 27 AND task < (p_job.id + 1) << 27) THEN
			RETURN;
		END IF;
	ELSIF p_job.active > 0 OR EXISTS (SELECT FROM delta WHERE job = p_job.id) THEN
		RETURN;
	END IF;
	UPDATE job SET finished = now_ms(),
		status = CASE WHEN status <> 0 THEN status WHEN waiting > 0 THEN 2 ELSE 1 END,
		reason = CASE WHEN status = 0 AND waiting > 0
			THEN format('nothing can run any more, but %s task%s still wait%s', waiting,
				CASE waiting WHEN 1 THEN '' ELSE 's' END, CASE waiting WHEN 1 THEN 's' ELSE '' END)
			ELSE reason END
		WHERE id = p_job.id;
	PERFORM note('reeve.ended', p_job.id::text);
END $$;

-- The caller holds the job's lock.
CREATE OR REPLACE FUNCTION fold_held(p_job bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v record;
	v_woken integer := 0;
	v_touched jsonb;
	v_job job;
BEGIN
	WITH gone AS (
		DELETE FROM delta WHERE job = p_job AND id IN (
			SELECT id FROM delta WHERE job = p_job ORDER BY id LIMIT 500)
		RETURNING *
	)
	SELECT sum(active) AS active, sum(waiting) AS waiting, sum(failing) AS failing,
		bool_or(births) AS births,
		(array_agg(failure ORDER BY id) FILTER (WHERE failure IS NOT NULL))[1] AS failure,
		jsonb_agg(counters ORDER BY id) FILTER (WHERE counters IS NOT NULL) AS counters,
		jsonb_agg(jsonb_build_array(id, tallies) ORDER BY id) FILTER (WHERE tallies IS NOT NULL)
			AS tallies,
		jsonb_agg(waits) FILTER (WHERE waits IS NOT NULL) AS waits
	INTO v FROM gone;

	IF v.tallies IS NOT NULL THEN
		INSERT INTO tally AS y
			SELECT p_job, (t ->> 0)::bigint, t ->> 1, min((d ->> 0)::bigint << 16 | place),
				sum((t ->> 2)::bigint), sum((t ->> 3)::bigint), sum((t ->> 4)::bigint),
				sum((t ->> 5)::bigint), sum((t ->> 6)::bigint), sum((t ->> 7)::bigint),
				sum((t ->> 8)::bigint), coalesce(sum((t ->> 9)::bigint), 0)
			FROM jsonb_array_elements(v.tallies) d,
				jsonb_array_elements(d -> 1) WITH ORDINALITY AS e (t, place)
			GROUP BY 2, 3
			ON CONFLICT (job, scope, name) DO UPDATE SET born = y.born + excluded.born,
				completed = y.completed + excluded.completed, failed = y.failed + excluded.failed,
				invalid = y.invalid + excluded.invalid, skipped = y.skipped + excluded.skipped,
				cancelled = y.cancelled + excluded.cancelled,
				excused = y.excused + excluded.excused, waiting = y.waiting + excluded.waiting;
	END IF;

	-- It falls where it was above 0, or rose on the way, and is 0 now: then it has another version.
	IF v.counters IS NOT NULL THEN
		INSERT INTO counter SELECT DISTINCT p_job, (c ->> 0)::bigint, c ->> 1, 0, 0
			FROM jsonb_array_elements(v.counters) d, jsonb_array_elements(d) c
			ON CONFLICT DO NOTHING;
		UPDATE counter k SET pending = k.pending + x.add,
			version = k.version
				+ CASE WHEN k.pending + x.add <= 0 AND (k.pending > 0 OR x.rose) THEN 1 ELSE 0 END
			FROM (SELECT (c ->> 0)::bigint AS scope, c ->> 1 AS gate, sum((c ->> 2)::bigint) AS add,
					bool_or((c ->> 2)::bigint > 0) AS rose
				FROM jsonb_array_elements(v.counters) d, jsonb_array_elements(d) c GROUP BY 1, 2) x
			WHERE k.job = p_job AND k.scope = x.scope AND k.gate = x.gate;
	END IF;

	SELECT jsonb_agg(c) INTO v_touched
		FROM jsonb_array_elements(coalesce(v.counters, '[]') || coalesce(v.waits, '[]')) d,
			jsonb_array_elements(d) c;
	IF v_touched IS NOT NULL THEN
		v_woken := wake_waiters(p_job, v_touched);
	END IF;

	UPDATE job SET active = active + coalesce(v.active, 0) + v_woken,
		waiting = waiting + coalesce(v.waiting, 0) - v_woken,
		failing = failing + coalesce(v.failing, 0),
		reason = CASE WHEN v.failure IS NOT NULL AND status = 0 THEN v.failure ELSE reason END,
		status = CASE WHEN v.failure IS NOT NULL AND status = 0 THEN 2 ELSE status END,
		is_ending = is_ending OR (status = 3 AND coalesce(v.births, false))
		WHERE id = p_job RETURNING * INTO v_job;
	IF FOUND THEN
		PERFORM settle_end(v_job);
	END IF;
END $$;

-- True where something was folded: look again after the transaction. False: nothing is there, or
-- somebody else is folding and will look.
CREATE OR REPLACE FUNCTION fold(p_job bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM delta WHERE job = p_job) THEN
		RETURN false;
	ELSIF NOT pg_try_advisory_xact_lock(fold_lock(p_job)) THEN
		RETURN false;
	END IF;
	PERFORM fold_held(p_job);
	RETURN true;
END $$;

-- Whether nothing of the job that is not folded can wake anybody or end it: each delta lowers what is
-- active, and a counter, by at most one. The deltas are read first: what is folded meanwhile is
-- counted twice, never missed. Of two who commit at once the later one sees both.
CREATE OR REPLACE FUNCTION can_wait(p_job bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v_count bigint;
	v_is_urgent boolean;
BEGIN
	SELECT count(*), bool_or(failure IS NOT NULL OR waits IS NOT NULL OR active < -1)
		INTO v_count, v_is_urgent FROM delta WHERE job = p_job;
	IF v_count >= 32 OR v_is_urgent THEN
		RETURN false;
	END IF;
	PERFORM FROM job WHERE id = p_job AND status = 0 AND active > v_count;
	RETURN FOUND AND NOT EXISTS (
		SELECT FROM delta d CROSS JOIN jsonb_array_elements(d.counters) c
			LEFT JOIN counter k ON k.job = p_job AND k.scope = (c ->> 0)::bigint AND k.gate = c ->> 1
		WHERE d.job = p_job AND ((c ->> 2)::bigint < -1 OR coalesce(k.pending, 0) <= v_count));
END $$;

-- Folds the jobs that the acts before have noted, and keeps a note of those that need another look.
CREATE OR REPLACE FUNCTION settle() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v_jobs bigint[] := ARRAY(SELECT item::bigint FROM noted('reeve.jobs') item);
	v_job bigint;
BEGIN
	PERFORM set_config('reeve.jobs', '', false);
	FOREACH v_job IN ARRAY v_jobs LOOP
		IF NOT can_wait(v_job) AND fold(v_job) THEN
			PERFORM note_job(v_job);
		END IF;
	END LOOP;
	RETURN true;
END $$;
