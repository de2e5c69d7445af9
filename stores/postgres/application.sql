-- What an application calls in its own transaction. Rolled back, nothing has happened. Whoever may
-- call them needs nothing but EXECUTE here and USAGE of the schema: they run as their owner.

-- A UUID of version 7 (RFC 9562) with the store's tag as its last digits.
CREATE OR REPLACE FUNCTION new_id() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(r, 1, 3) || '-8'
		|| substr(r, 4, 3) || '-' || substr(r, 7, 4)
		|| lpad(to_hex((SELECT value FROM meta WHERE name = 'tag')), 8, '0')
	FROM (SELECT lpad(to_hex(server_ms()), 12, '0') AS t,
		replace(substr(gen_random_uuid()::text, 1, 13), '-', '') AS r) x
$$;

-- Rings here, since the application's commit is its own: listeners hear of it with the commit.
CREATE OR REPLACE FUNCTION tell() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_text text;
BEGIN
	SELECT string_agg(coalesce(q.name, '') || ':' || split_part(item, ':', 2), ',') INTO v_text
		FROM noted('reeve.rings') item LEFT JOIN queue q ON q.id = split_part(item, ':', 1)::integer;
	PERFORM set_config('reeve.rings', '', false);
	IF v_text IS NOT NULL THEN
		PERFORM pg_notify((SELECT nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
			WHERE c.oid = 'meta'::regclass), v_text);
	END IF;
END $$;

-- Pushes a task to the queue and answers its id, or that of the unfinished task that has its key.
-- options: {"task": NAME, "delay_ms": MS, "priority": -100...100, "key": TEXT}.
CREATE OR REPLACE FUNCTION push(queue text, payload jsonb, options jsonb DEFAULT '{}')
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
	v_priority integer := coalesce((options ->> 'priority')::integer, 0);
	v_delay bigint := coalesce((options ->> 'delay_ms')::bigint, 0);
	v_unknown text := (SELECT string_agg(k, ', ') FROM jsonb_object_keys(coalesce(options, '{}')) k
		WHERE k NOT IN ('task', 'delay_ms', 'priority', 'key'));
	v_id text;
BEGIN
	IF queue IS NULL OR queue !~ '^[A-Za-z0-9_-]{1,80}(\.fifo)?$' THEN
		RAISE EXCEPTION 'reeve: expected the name of a queue, got %', quote_nullable(queue)
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF v_unknown IS NOT NULL THEN
		RAISE EXCEPTION 'reeve: unknown option %', v_unknown USING ERRCODE = 'invalid_parameter_value';
	ELSIF octet_length(payload::text) > 1048576 THEN
		RAISE EXCEPTION 'reeve: expected a payload of at most 1 MiB, got % bytes',
			octet_length(payload::text) USING ERRCODE = 'invalid_parameter_value';
	ELSIF v_priority NOT BETWEEN -100 AND 100 OR v_delay NOT BETWEEN 0 AND 31536000000000 THEN
		RAISE EXCEPTION 'reeve: expected a priority from -100 to 100 and a delay_ms of 0 to 365000 days'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	v_id := push_one(new_id(), coalesce(options ->> 'task', queue), queue,
		coalesce(payload, 'null')::text, options ->> 'key', -v_priority, v_delay);
	PERFORM tell();
	RETURN v_id;
END $$;

-- Starts a job of the workflow and answers its id. With the key of an unfinished job of this
-- workflow, that one's; of several who ask with one key at once the others wait for the first to
-- commit.
CREATE OR REPLACE FUNCTION start(workflow text, payload jsonb DEFAULT '{}', key text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
	v_id text := new_id();
	v_other text;
	v_workflow text := $1;
	v_key text := $3;
BEGIN
	IF coalesce(v_workflow, '') = '' THEN
		RAISE EXCEPTION 'reeve: expected the name of a workflow'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF jsonb_typeof($2) <> 'object' THEN
		RAISE EXCEPTION 'reeve: the payload of a job is an object, got %', jsonb_typeof($2)
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF octet_length($2::text) > 1048576 THEN
		RAISE EXCEPTION 'reeve: expected a payload of at most 1 MiB, got % bytes',
			octet_length($2::text) USING ERRCODE = 'invalid_parameter_value';
	ELSIF v_key IS NOT NULL THEN
		PERFORM pg_advisory_xact_lock(
			hashtext('start:' || (SELECT value FROM meta WHERE name = 'tag') || ':' || v_workflow),
			hashtext(v_key));
		SELECT j.uuid INTO v_other FROM job j
			WHERE j.workflow = v_workflow AND j.key = v_key AND j.finished IS NULL;
		IF FOUND THEN
			RETURN v_other;
		END IF;
		SELECT s.id INTO v_other FROM start s
			WHERE s.workflow = v_workflow AND s.key = v_key AND s.failed IS NULL;
		IF FOUND THEN
			RETURN v_other;
		END IF;
	END IF;
	INSERT INTO start VALUES (v_id, v_workflow, coalesce($2, '{}')::text, v_key,
		server_ms());
	PERFORM pg_notify((SELECT nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
		WHERE c.oid = 'meta'::regclass), '');
	RETURN v_id;
END $$;


-- Other users get these with GRANT: nobody else is let in by default.
DO $$
BEGIN
	EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM PUBLIC', current_schema());
END $$;
