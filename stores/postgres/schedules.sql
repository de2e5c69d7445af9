-- What keepers remember of schedules.

-- Writes it and starts what goes with it (p_id NULL: no job; p_pushes NULL: no task). Answers first a
-- row 'fired', unless the record has another version.
CREATE OR REPLACE FUNCTION act_fire(p_name text, p_version bigint, p_text text, p_id text, p_workflow text,
	p_hash text, p_payload text, p_key text, p_effects jsonb, p_pushes jsonb)
RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	r reply;
BEGIN
	PERFORM touch();
	IF p_version = 0 THEN
		INSERT INTO schedule VALUES (p_name, 1, p_text) ON CONFLICT DO NOTHING;
	ELSE
		UPDATE schedule SET version = version + 1, text = p_text
			WHERE name = p_name AND version = p_version;
	END IF;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	r.kind := 'fired';
	RETURN NEXT r;
	IF p_id IS NOT NULL THEN
		RETURN QUERY SELECT * FROM act_submit(p_id, p_workflow, p_hash, p_payload, p_key, p_effects);
	ELSIF p_pushes IS NOT NULL THEN
		RETURN QUERY SELECT * FROM act_push(p_pushes);
	END IF;
END $$;
