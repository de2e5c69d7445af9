-- What a queue lets in: limits are rate, span and max_working of each queue of a request, each 0 for
-- none, one after the other.

-- Who leases of a queue with limits does so alone, so that two don't find the same room.
CREATE OR REPLACE FUNCTION lock_limits(p_queue integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(
		(SELECT hashtext('limits' || value) FROM meta WHERE name = 'tag'), p_queue);
END $$;

CREATE OR REPLACE FUNCTION taken_of(p_queue integer, p_span bigint, OUT tasks bigint,
	OUT next_ms bigint, OUT first bigint, OUT last bigint) LANGUAGE plpgsql AS $$
DECLARE
	v_now bigint := now_ms();
	v_width bigint := greatest(1, (p_span + 49) / 50);
	v_oldest bigint;
BEGIN
	last := v_now / v_width;
	first := last - (p_span + v_width - 1) / v_width;
	SELECT coalesce(sum(t.tasks), 0), min(t.slot) INTO tasks, v_oldest FROM taken t
		WHERE t.queue = p_queue AND t.slot BETWEEN first AND last;
	next_ms := CASE WHEN v_oldest IS NULL THEN 0
		ELSE greatest(1, (v_oldest + 1 + last - first) * v_width - v_now) END;
END $$;

-- How many of p_most may be leased; the time until a rate lets more in, or NULL.
CREATE OR REPLACE FUNCTION room_of(p_queue integer, p_rate bigint, p_span bigint, p_working bigint,
	p_most integer, OUT room integer, OUT wait_ms bigint) LANGUAGE plpgsql AS $$
DECLARE
	v_tasks bigint;
BEGIN
	room := p_most;
	IF p_working > 0 THEN
		room := greatest(0, least(room, p_working - (SELECT count(*) FROM
			(SELECT FROM lease WHERE queue = p_queue LIMIT p_working) x)));
	END IF;
	IF p_rate > 0 AND room > 0 THEN
		SELECT t.tasks, t.next_ms INTO v_tasks, wait_ms FROM taken_of(p_queue, p_span) t;
		room := greatest(0, least(room, p_rate - v_tasks));
	END IF;
END $$;

CREATE OR REPLACE FUNCTION add_taken(p_queue integer, p_span bigint, p_tasks integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_first bigint;
	v_last bigint;
BEGIN
	SELECT t.first, t.last INTO v_first, v_last FROM taken_of(p_queue, p_span) t;
	DELETE FROM taken WHERE queue = p_queue AND slot < v_first;
	INSERT INTO taken AS t VALUES (p_queue, v_last, p_tasks)
		ON CONFLICT (queue, slot) DO UPDATE SET tasks = t.tasks + excluded.tasks;
END $$;

-- The newest limits hold: who ends a lease has to know whether others wait for that.
CREATE OR REPLACE FUNCTION note_limit(p_queue integer, p_span bigint, p_working bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_span bigint;
	v_has boolean;
BEGIN
	SELECT rate_ms, has_max_working INTO v_span, v_has FROM queue WHERE id = p_queue;
	IF v_span <> p_span THEN -- slots of another width mean nothing
		DELETE FROM taken WHERE queue = p_queue;
	END IF;
	IF v_span <> p_span OR v_has <> (p_working > 0) THEN
		UPDATE queue SET rate_ms = p_span, has_max_working = p_working > 0 WHERE id = p_queue;
	END IF;
END $$;

CREATE OR REPLACE FUNCTION has_ready(p_queue integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN EXISTS (SELECT FROM ready WHERE queue = p_queue)
		AND NOT EXISTS (SELECT FROM queue WHERE id = p_queue AND paused <> 0);
END $$;

-- Who came out of sleep may have been the one who looked at the time for all who sleep.
CREATE OR REPLACE FUNCTION ring_more(p_queues text[], p_limits bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer;
BEGIN
	FOR v_queue IN SELECT q.id FROM unnest(p_queues) WITH ORDINALITY AS w (name, place)
		JOIN queue q ON q.name = w.name
		WHERE p_limits[3 * w.place - 2] > 0 OR p_limits[3 * w.place] > 0
	LOOP
		IF has_ready(v_queue) THEN
			PERFORM note_ready(v_queue, 1);
		END IF;
	END LOOP;
END $$;

-- Leases of the queue have ended: unless it was taken from again, who waits for that is woken. Behind
-- the lock stands whoever has found it full and is about to sleep.
CREATE OR REPLACE FUNCTION ring_freed(p_taken integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_queue integer;
BEGIN
	IF coalesce(current_setting('reeve.freed', true), '') = '' THEN
		RETURN;
	END IF;
	FOR v_queue IN SELECT DISTINCT item::integer FROM noted('reeve.freed') item ORDER BY 1 LOOP
		CONTINUE WHEN v_queue = ANY (p_taken);
		PERFORM lock_limits(v_queue);
		IF has_ready(v_queue) THEN
			PERFORM note_ready(v_queue, 1);
		END IF;
	END LOOP;
	PERFORM set_config('reeve.freed', '', false);
END $$;
