-- The outbox of a queue with a door: what is unsent, in the order of leases; what a courier has
-- claimed; and what was sent and whose message has not come back. Whoever deletes a row has its task.

CREATE OR REPLACE FUNCTION note_unsent() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF strpos(',' || coalesce(current_setting('reeve.rings', true), ''), ',0:1,') = 0 THEN
		PERFORM note('reeve.rings', '0:1');
	END IF;
END $$;

CREATE OR REPLACE FUNCTION has_door(p_queue integer) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT has_door FROM queue WHERE id = p_queue);
END $$;

CREATE OR REPLACE FUNCTION add_unsent(p_queue integer, p_rank integer, p_due bigint, p_n bigint,
	p_bundle bigint, p_tasks integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO outbox (n, bundle, queue, rank, due, dispatch) VALUES (p_n, p_bundle, p_queue, p_rank,
		p_due, CASE p_bundle WHEN 0 THEN (SELECT dispatch FROM task WHERE id = p_n) ELSE 0 END);
	INSERT INTO tick (queue, unsent) VALUES (p_queue, p_tasks);
	PERFORM note_unsent();
END $$;

-- A task on its own leaves the outbox, by whatever way; false where it is not there.
CREATE OR REPLACE FUNCTION leave_outbox(p_task bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v outbox;
BEGIN
	DELETE FROM outbox WHERE n = p_task AND bundle = 0 RETURNING * INTO v;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO tick (queue, unsent, sent) VALUES (v.queue, CASE v.state WHEN 2 THEN 0 ELSE -1 END,
		CASE v.state WHEN 2 THEN -1 ELSE 0 END);
	UPDATE task SET dispatch = v.dispatch WHERE id = p_task AND dispatch <> v.dispatch;
	RETURN true;
END $$;

CREATE OR REPLACE FUNCTION act_set_door(p_queues text[], p_has_door boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM queue_of(name) FROM unnest(p_queues) name ORDER BY name;
	UPDATE queue SET has_door = p_has_door
		WHERE name = ANY (p_queues) AND has_door <> p_has_door;
END $$;

-- Makes the next children of a bundle rows of their own. False where somebody else is at it.
CREATE OR REPLACE FUNCTION unfold(p_entry outbox, p_page integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	v_bundle bundle;
	v_first bigint;
	v_last bigint;
	v_count integer := 0;
	v_next bigint;
BEGIN
	SELECT * INTO v_bundle FROM bundle WHERE id = p_entry.bundle FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	WHILE v_bundle.tasks > 0 AND v_count = 0 LOOP
		SELECT * INTO v_first, v_last FROM take_chunk(p_entry.bundle, p_page);
		EXIT WHEN v_first IS NULL;
		WITH page AS (
			UPDATE task SET bundle = NULL, due = p_entry.due WHERE id BETWEEN v_first AND v_last
			AND bundle = p_entry.bundle AND state = 1 RETURNING id, dispatch
		)
		INSERT INTO outbox (n, bundle, queue, rank, due, dispatch)
			SELECT id, 0, p_entry.queue, p_entry.rank, p_entry.due, dispatch FROM page;
		GET DIAGNOSTICS v_count = ROW_COUNT;
	END LOOP;
	UPDATE bundle SET tasks = tasks - v_count WHERE id = p_entry.bundle;
	DELETE FROM outbox WHERE n = p_entry.n AND bundle = p_entry.bundle;
	SELECT first INTO v_next FROM chunk WHERE bundle = p_entry.bundle ORDER BY first LIMIT 1;
	IF FOUND AND v_bundle.tasks > v_count THEN
		INSERT INTO outbox (n, bundle, queue, rank, due, dispatch)
			VALUES (v_next, p_entry.bundle, p_entry.queue, p_entry.rank, p_entry.due, 0);
	END IF;
	RETURN true;
END $$;

-- A line 'out' for each: n is the task's number, attempt its dispatch, due the delay in ms. A claim
-- that has lapsed has the dispatch that it had: its message may be out.
CREATE OR REPLACE FUNCTION claim_page(p_queue integer, p_owner text, p_claim_ms bigint,
	p_latest bigint, p_max integer, p_payloads boolean) RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_now bigint := now_ms();
	v_rank integer := -2147483648;
	v_count integer := 0;
	v_ended integer := 0;
	v_entry outbox;
	v task;
	r reply;
BEGIN
	r.kind := 'out';
	WHILE v_count < p_max AND v_ended < 16 LOOP
		SELECT rank INTO v_rank FROM outbox WHERE queue = p_queue AND state = 0 AND rank > v_rank
			ORDER BY queue, rank LIMIT 1;
		EXIT WHEN NOT FOUND;
		WHILE v_count < p_max AND v_ended < 16 LOOP
			SELECT * INTO v_entry FROM outbox WHERE queue = p_queue AND state = 0 AND rank = v_rank
				AND due <= p_latest ORDER BY queue, rank, due, n, bundle LIMIT 1
				FOR UPDATE SKIP LOCKED;
			EXIT WHEN NOT FOUND;
			IF v_entry.bundle <> 0 AND is_job_cancelled(v_entry.n) THEN
				DELETE FROM outbox WHERE n = v_entry.n AND bundle = v_entry.bundle;
				PERFORM put_off(p_queue, v_entry.n, v_entry.bundle);
				v_ended := v_ended + 1;
				CONTINUE;
			ELSIF v_entry.bundle <> 0 THEN
				EXIT WHEN NOT unfold(v_entry, greatest(128, p_max - v_count));
				CONTINUE;
			END IF;
			SELECT * INTO STRICT v FROM task WHERE id = v_entry.n;
			IF is_job_cancelled(v.id) THEN
				PERFORM leave_outbox(v.id);
				PERFORM end_cancelled_task(v);
				v_ended := v_ended + 1;
				CONTINUE;
			END IF;
			UPDATE outbox SET state = 1, is_lapsed = false, owner = p_owner, at = v_now + p_claim_ms,
				dispatch = dispatch + CASE WHEN is_lapsed THEN 0 ELSE 1 END
				WHERE n = v_entry.n AND bundle = 0 RETURNING dispatch INTO r.attempt;
			r.n := v.id;
			r.id := id_of(v.id);
			r.job := CASE WHEN v.id & 134217727 <> 0 THEN split_part(r.id, '.', 1) END;
			r.payload := CASE WHEN p_payloads THEN (SELECT text FROM payload WHERE task = v.id) END;
			r.due := greatest(v_entry.due - v_now, 0);
			v_count := v_count + 1;
			RETURN NEXT r;
		END LOOP;
	END LOOP;
END $$;

-- Durable where anything was claimed: a message must not tell of a task that a crash undoes. The
-- last line's number is the time until there may be more, or -1.
CREATE OR REPLACE FUNCTION act_claim(p_queue text, p_owner text, p_claim_ms bigint,
	p_horizon bigint, p_max integer, p_payloads boolean, p_durability text)
RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer := (SELECT id FROM queue WHERE name = p_queue AND has_door);
	v_count integer := 0;
	v_next bigint;
	v_until bigint; -- of a claim that others wait for
	r reply;
BEGIN
	IF v_queue IS NOT NULL THEN
		WITH lapsed AS MATERIALIZED (
			SELECT n, bundle FROM outbox WHERE queue = v_queue AND state = 1 AND at <= (SELECT now_ms())
			ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED)
		UPDATE outbox SET state = 0, is_lapsed = true WHERE (n, bundle) IN (SELECT * FROM lapsed);
		-- Messages that keep an order go out one claim after another.
		IF p_queue LIKE '%.fifo' THEN
			PERFORM lock_line(v_queue, '');
			v_until := (SELECT min(at) FROM outbox WHERE queue = v_queue AND state = 1);
		END IF;
		FOR r IN SELECT * FROM claim_page(v_queue, p_owner, p_claim_ms, now_ms() + p_horizon,
			CASE WHEN v_until IS NULL THEN p_max ELSE 0 END, p_payloads)
		LOOP
			v_count := v_count + 1;
			RETURN NEXT r;
		END LOOP;
		-- What is due but was passed over is in somebody's hands.
		v_next := least((SELECT due - p_horizon FROM outbox WHERE queue = v_queue AND state = 0
				ORDER BY due LIMIT 1), (SELECT at FROM outbox WHERE queue = v_queue AND state = 1
				ORDER BY at LIMIT 1)) - now_ms();
		v_next := CASE WHEN v_next <= 0 THEN CASE v_count WHEN 0 THEN 1 ELSE 0 END ELSE v_next END;
		IF v_until IS NOT NULL THEN
			v_next := greatest(v_until - now_ms(), 1);
		END IF;
		IF v_count > 0 THEN
			PERFORM set_config('synchronous_commit', p_durability, true);
		END IF;
	END IF;
	RETURN QUERY SELECT * FROM notes();
	r := NULL;
	r.kind := 'count';
	r.n := coalesce(v_next, -1);
	RETURN NEXT r;
END $$;

-- A claim that has lapsed was sent all the same. level: see act_resend.
CREATE OR REPLACE FUNCTION act_mark(p_ids text[], p_dispatches integer[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_sent record;
	v_queue integer;
BEGIN
	FOR v_sent IN SELECT number_of(id) AS number, dispatch
		FROM unnest(p_ids, p_dispatches) AS w (id, dispatch) ORDER BY 1
	LOOP
		UPDATE outbox SET state = 2, is_lapsed = false, owner = NULL, at = greatest(now_ms(), due),
			level = least(dispatch, 16) - 1
			WHERE n = v_sent.number AND bundle = 0 AND dispatch = v_sent.dispatch
			AND (state = 1 OR state = 0 AND is_lapsed) RETURNING queue INTO v_queue;
		IF FOUND THEN
			INSERT INTO tick (queue, unsent, sent) VALUES (v_queue, -1, 1);
		END IF;
	END LOOP;
END $$;

-- After each dispatch a row is left alone for twice as long, 15 times. The last line's number is how
-- many are unsent again.
CREATE OR REPLACE FUNCTION act_resend(p_queue text, p_after bigint, p_max integer)
RETURNS SETOF reply LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer := (SELECT id FROM queue WHERE name = p_queue AND has_door);
	v_now bigint := now_ms();
	v_after numeric := p_after;
	v_n bigint;
	r reply;
BEGIN
	r.n := 0;
	FOR v_n IN SELECT x.n FROM generate_series(0, 15) AS w (level), LATERAL (
			SELECT o.n, o.at FROM outbox o WHERE o.queue = v_queue AND o.state = 2
			AND o.level = w.level AND o.at <= v_now - v_after * (1 << w.level)
			ORDER BY o.at, o.n LIMIT p_max) x
		ORDER BY x.at, x.n LIMIT p_max
	LOOP
		UPDATE outbox SET state = 0 WHERE n = v_n AND bundle = 0 AND state = 2;
		IF FOUND THEN
			INSERT INTO tick (queue, unsent, sent) VALUES (v_queue, 1, -1);
			r.n := r.n + 1;
		END IF;
	END LOOP;
	IF r.n > 0 THEN
		PERFORM note_unsent();
	END IF;
	RETURN QUERY SELECT * FROM notes();
	r.kind := 'count';
	RETURN NEXT r;
END $$;

-- The queue has no door any more: what stands in its outbox is ready, at most p_limit rows of it.
CREATE OR REPLACE FUNCTION empty_outbox(p_queue integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	v outbox;
	v_tasks integer;
	v_count integer := 0;
BEGIN
	FOR v IN SELECT * FROM outbox WHERE queue = p_queue ORDER BY due, n LIMIT p_limit
		FOR UPDATE SKIP LOCKED
	LOOP
		v_count := v_count + 1;
		IF v.bundle = 0 THEN
			PERFORM leave_outbox(v.n);
			PERFORM keep(v.queue, v.rank, v.due, v.n, 0, 1);
			CONTINUE;
		END IF;
		SELECT tasks INTO v_tasks FROM bundle WHERE id = v.bundle FOR UPDATE SKIP LOCKED;
		CONTINUE WHEN NOT FOUND;
		UPDATE bundle SET state = CASE WHEN v.due > now_ms() THEN 3 ELSE 1 END WHERE id = v.bundle;
		DELETE FROM outbox WHERE n = v.n AND bundle = v.bundle;
		INSERT INTO tick (queue, unsent) VALUES (v.queue, -v_tasks);
		PERFORM keep(v.queue, v.rank, v.due, v.n, v.bundle, v_tasks);
	END LOOP;
	RETURN v_count;
END $$;

-- Adoption: 0 done, 1 known, 2 unknown, as in store.h.

CREATE OR REPLACE FUNCTION let_in(p_task bigint, p_group text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v task;
BEGIN
	SELECT * INTO STRICT v FROM task WHERE id = p_task;
	IF p_group IS NULL THEN
		PERFORM keep(v.queue, v.rank, v.due, v.id, 0, 1);
		RETURN;
	END IF;
	PERFORM join_line(v, p_group);
	v.line := p_group;
	PERFORM take_turn(v);
END $$;

-- Where a task stands tells whether it waits for its message: only what is in the outbox does.
CREATE OR REPLACE FUNCTION adopt_task(p_id text, p_group text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_bundle bundle;
	v task;
BEGIN
	SELECT * INTO v FROM task WHERE id = number_of(p_id);
	IF NOT FOUND THEN
		RETURN 2;
	ELSIF p_group IS NOT NULL THEN -- the line before any row
		PERFORM lock_line(v.queue, p_group);
		SELECT * INTO v FROM task WHERE id = v.id;
	END IF;
	IF v.bundle IS NOT NULL THEN
		SELECT * INTO v_bundle FROM bundle WHERE id = v.bundle FOR UPDATE;
		SELECT * INTO v FROM task WHERE id = v.id;
	END IF;
	IF v.bundle IS NULL THEN
		IF v.id IS NULL OR NOT leave_outbox(v.id) THEN
			RETURN 1;
		END IF;
	ELSIF v_bundle.state IN (0, 2) THEN
		RETURN 2; -- not born
	ELSIF v_bundle.state <> 4 OR NOT leave_bundle(v) THEN
		RETURN 1;
	END IF;
	PERFORM let_in(v.id, p_group);
	RETURN 0;
END $$;

CREATE OR REPLACE FUNCTION adopt_foreign(p_queue text, p_message text, p_id text, p_name text,
	p_payload text, p_reason text, p_group text, p_priority integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer := queue_of(p_queue);
	v_now bigint := now_ms();
	v task;
BEGIN
	INSERT INTO adopted VALUES (v_queue, p_message, v_now) ON CONFLICT DO NOTHING;
	IF NOT FOUND OR EXISTS (SELECT FROM task WHERE id = number_of(p_id)) THEN
		RETURN 1;
	END IF;
	INSERT INTO pushed (task, id, queue) VALUES (nextval('number') << 27, p_id, v_queue)
		ON CONFLICT DO NOTHING RETURNING task INTO v.id;
	IF NOT FOUND THEN
		RETURN 1;
	END IF;
	INSERT INTO task (id, name, queue, rank, state, due, created)
		VALUES (v.id, p_name, v_queue, -p_priority, 1, v_now, v_now) RETURNING * INTO v;
	INSERT INTO payload VALUES (v.id, p_payload);
	IF p_reason IS NULL THEN
		PERFORM let_in(v.id, p_group);
	ELSE
		PERFORM end_task(v, 5, false, p_reason, NULL);
	END IF;
	RETURN 0;
END $$;

-- One arrival is one transaction, so that nobody holds the locks of two lines. p_task NULL: a foreign
-- message. The last line's number is the answer.
CREATE OR REPLACE FUNCTION act_adopt(p_queue text, p_message text, p_task text, p_id text,
	p_name text, p_payload text, p_reason text, p_group text, p_priority integer DEFAULT 0)
RETURNS SETOF reply
LANGUAGE plpgsql AS $$
DECLARE
	r reply;
BEGIN
	r.n := CASE WHEN p_task IS NOT NULL THEN adopt_task(p_task, p_group)
		ELSE adopt_foreign(p_queue, p_message, p_id, p_name, p_payload, p_reason, p_group, p_priority)
		END;
	RETURN QUERY SELECT * FROM notes();
	r.kind := 'count';
	RETURN NEXT r;
END $$;
