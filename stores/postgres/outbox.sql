-- Schema 2: what queues with a door need.

ALTER TABLE task
	ADD COLUMN dispatch integer NOT NULL DEFAULT 0, -- of the last message that named it
	ADD COLUMN line text COLLATE "C"; -- the group of the line that it has joined last
DROP FUNCTION IF EXISTS queue_task(task);

-- The outbox of a queue with a door; n and bundle as in ready. state: 0 unsent, 1 claimed by owner
-- until `at`, 2 sent at `at`, on this level of act_resend. dispatch: of the last message; the next
-- claim of what is unsent counts on, unless a claim has lapsed.
CREATE TABLE outbox (
	n bigint NOT NULL,
	bundle bigint NOT NULL DEFAULT 0,
	queue integer NOT NULL,
	rank integer NOT NULL,
	due bigint NOT NULL,
	dispatch integer NOT NULL,
	state smallint NOT NULL DEFAULT 0,
	is_lapsed boolean NOT NULL DEFAULT false,
	level smallint NOT NULL DEFAULT 0,
	at bigint NOT NULL DEFAULT 0,
	owner text COLLATE "C",
	PRIMARY KEY (n, bundle)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX outbox_unsent ON outbox (queue, rank, due, n, bundle) WHERE state = 0;
CREATE INDEX outbox_next ON outbox (queue, due) WHERE state = 0;
CREATE INDEX outbox_claimed ON outbox (queue, at) WHERE state = 1;
CREATE INDEX outbox_owner ON outbox (owner) WHERE state = 1;
CREATE INDEX outbox_sent ON outbox (queue, level, at, n) WHERE state = 2;
CREATE INDEX outbox_due ON outbox (queue, due);
-- Messages of others that have become tasks.
CREATE TABLE adopted (
	queue integer NOT NULL,
	message text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	PRIMARY KEY (queue, message)
);
CREATE INDEX adopted_at ON adopted (at);
-- Places in the lines of groups. is_parked: ready but for those before it.
CREATE TABLE turn (
	queue integer NOT NULL,
	line text COLLATE "C" NOT NULL,
	place bigint NOT NULL,
	task bigint NOT NULL UNIQUE,
	is_parked boolean NOT NULL DEFAULT false,
	PRIMARY KEY (queue, line, place)
) WITH (fillfactor = 80);
