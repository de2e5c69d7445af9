-- Heartbeats of supervisors, and queues that are paused for all of them.

-- p_id NULL: nothing is kept.
CREATE OR REPLACE FUNCTION act_beat(p_id text, p_text text, p_hold bigint, p_list boolean, p_max integer)
RETURNS TABLE (id text, text text, age bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	v_now bigint := now_ms();
BEGIN
	PERFORM touch();
	IF p_id IS NOT NULL THEN
		INSERT INTO beat VALUES (p_id, v_now, v_now + p_hold, p_text) ON CONFLICT (id)
			DO UPDATE SET at = excluded.at, until = excluded.until, text = excluded.text;
		-- Whoever else is at one of them deletes it, or has just renewed it.
		DELETE FROM beat b WHERE b.id IN (
			SELECT o.id FROM beat o WHERE o.until <= v_now LIMIT 500 FOR UPDATE SKIP LOCKED);
	END IF;
	IF p_list THEN
		RETURN QUERY SELECT b.id, b.text, v_now - b.at FROM beat b WHERE b.until > v_now
			ORDER BY b.id LIMIT p_max;
	END IF;
END $$;

CREATE OR REPLACE FUNCTION act_set_pause(p_queue text, p_is_paused boolean) RETURNS SETOF reply
LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer := queue_of(p_queue);
BEGIN
	UPDATE queue SET paused = CASE WHEN p_is_paused THEN now_ms() ELSE 0 END
		WHERE id = v_queue AND (paused <> 0) <> p_is_paused;
	IF FOUND THEN
		PERFORM note_ready(v_queue, 2147483647);
	END IF;
	RETURN QUERY SELECT * FROM notes();
END $$;
