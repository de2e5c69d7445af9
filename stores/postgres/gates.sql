-- Gates that wait, for the keeper's recount, and the mending of a counter that is wrong.

-- Nothing waits any more where it was cancelled. A job that found no task to run although some
-- waited has failed; it runs again when that was a mistake.
CREATE OR REPLACE FUNCTION list_gates(p_job text, p_scope bigint, p_gate text, p_limit integer)
RETURNS TABLE (job text, scope bigint, gate text, pending bigint) LANGUAGE sql STABLE AS $$
	SELECT j.uuid, w.scope, w.gate, pending_of(w.job, w.scope, w.gate)
	FROM (SELECT DISTINCT job, scope, gate FROM waiter
			WHERE p_job IS NULL OR (job, scope, gate) > (coalesce(
				(SELECT id FROM job WHERE uuid = p_job),
				(SELECT id - 1 FROM job WHERE uuid > p_job ORDER BY uuid LIMIT 1),
				9223372036854775807), p_scope, p_gate)) w
		JOIN job j ON j.id = w.job
	WHERE j.status <> 3 AND (j.finished IS NULL OR j.failing = 0)
		AND pending_of(w.job, w.scope, w.gate) > 0
	ORDER BY w.job, w.scope, w.gate LIMIT p_limit
$$;

CREATE OR REPLACE FUNCTION act_mend_gate(p_id text, p_scope bigint, p_gate text, p_pending bigint)
RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_job job := lock_job(job_of(p_id));
	v_woken integer;
BEGIN
	UPDATE counter SET pending = 0, version = version + 1
		WHERE job = v_job.id AND scope = p_scope AND gate = p_gate AND pending = p_pending
		AND pending > 0 AND v_job.status <> 3 AND (v_job.finished IS NULL OR v_job.failing = 0);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'gate % of job % has changed', p_gate, p_id USING ERRCODE = 'RV409';
	ELSIF has_rival(v_job.id << 27 | 1) THEN
		RAISE EXCEPTION 'the key of job % is taken by another', p_id USING ERRCODE = 'RV409';
	END IF;
	v_woken := wake_waiters(v_job.id, jsonb_build_array(jsonb_build_array(p_scope, p_gate)));
	UPDATE job SET active = active + v_woken, waiting = waiting - v_woken WHERE id = v_job.id;
	IF v_woken > 0 AND v_job.finished IS NOT NULL THEN
		UPDATE job SET finished = NULL, swept = 0, has_results = true,
			status = CASE WHEN failing <= 0 THEN 0 ELSE status END,
			reason = CASE WHEN failing <= 0 THEN NULL ELSE reason END WHERE id = v_job.id;
	END IF;
	RETURN QUERY SELECT * FROM notes();
END $$;
