-- Schema 1: the tables; docs/stores.md says what each is for. Run by whoever finds none, in one
-- transaction, with search_path set to the schema.

CREATE TABLE meta (name text PRIMARY KEY, value bigint NOT NULL);
CREATE SEQUENCE number; -- of jobs, pushed tasks and bundles: none is used twice
CREATE TABLE alive (
	is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
	at bigint NOT NULL,
	since bigint NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE workflow (
	hash text COLLATE "C" PRIMARY KEY,
	name text COLLATE "C" NOT NULL,
	text text NOT NULL,
	put bigint NOT NULL
);
CREATE INDEX workflow_name ON workflow (name, put);

CREATE TABLE queue (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text COLLATE "C" NOT NULL UNIQUE,
	has_door boolean NOT NULL DEFAULT false,
	depth bigint NOT NULL DEFAULT 0,
	delayed bigint NOT NULL DEFAULT 0,
	dead bigint NOT NULL DEFAULT 0,
	completed bigint NOT NULL DEFAULT 0,
	failed bigint NOT NULL DEFAULT 0,
	unsent bigint NOT NULL DEFAULT 0,
	sent bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
-- What changes those numbers, until somebody adds it up.
CREATE TABLE tick (
	queue integer NOT NULL,
	depth integer NOT NULL DEFAULT 0,
	delayed integer NOT NULL DEFAULT 0,
	dead integer NOT NULL DEFAULT 0,
	completed integer NOT NULL DEFAULT 0,
	failed integer NOT NULL DEFAULT 0,
	unsent integer NOT NULL DEFAULT 0,
	sent integer NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- status: 0 running, 1 completed, 2 failed, 3 cancelled. active: queued and working tasks.
CREATE TABLE job (
	id bigint PRIMARY KEY,
	uuid text COLLATE "C" NOT NULL UNIQUE,
	workflow text COLLATE "C" NOT NULL,
	hash text COLLATE "C" NOT NULL,
	key text COLLATE "C",
	status smallint NOT NULL DEFAULT 0,
	active bigint NOT NULL DEFAULT 0,
	waiting bigint NOT NULL DEFAULT 0,
	failing bigint NOT NULL DEFAULT 0,
	swept bigint NOT NULL DEFAULT 0,
	is_ending boolean NOT NULL DEFAULT false,
	has_results boolean NOT NULL DEFAULT true,
	created bigint NOT NULL,
	finished bigint,
	reason text
) WITH (fillfactor = 60);
CREATE UNIQUE INDEX job_key ON job (workflow, key) WHERE key IS NOT NULL AND finished IS NULL;
CREATE INDEX job_open ON job (uuid) WHERE finished IS NULL;
CREATE INDEX job_ended ON job (status, finished) WHERE finished IS NOT NULL;
CREATE INDEX job_results ON job (finished) WHERE finished IS NOT NULL AND has_results;
CREATE INDEX job_ending ON job (id) WHERE is_ending;
CREATE TABLE seq (job bigint PRIMARY KEY, next bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE doomed (job bigint PRIMARY KEY);

-- What commits change in a job, until it is folded into job, counter and tally.
CREATE TABLE delta (
	id bigint GENERATED ALWAYS AS IDENTITY,
	job bigint NOT NULL,
	active integer NOT NULL DEFAULT 0,
	waiting integer NOT NULL DEFAULT 0,
	failing integer NOT NULL DEFAULT 0,
	births boolean NOT NULL DEFAULT false,
	failure text,
	counters jsonb, -- [[scope, gate, pending], ...]
	tallies jsonb,  -- [[scope, name, born, completed, failed, invalid, skipped, cancelled, excused,
	                --   waiting], ...]
	waits jsonb,    -- [[scope, gate], ...]: counters that somebody has begun to wait for
	PRIMARY KEY (job, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE pushed (
	task bigint PRIMARY KEY,
	id text COLLATE "C" NOT NULL UNIQUE,
	queue integer NOT NULL,
	key text COLLATE "C",
	state smallint,
	has_result boolean NOT NULL DEFAULT true,
	finished bigint
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX pushed_key ON pushed (queue, key) WHERE key IS NOT NULL AND finished IS NULL;
CREATE INDEX pushed_open ON pushed (queue, task) WHERE finished IS NULL;
CREATE INDEX pushed_ended ON pushed (state, finished) WHERE finished IS NOT NULL;
CREATE INDEX pushed_results ON pushed (finished) WHERE finished IS NOT NULL AND has_result;

-- state: 0 waiting, 1 queued (working too), 3 completed, 4 failed, 5 invalid, 6 skipped,
-- 7 cancelled. bundle: its due time is there. Nothing but the key and parent is indexed, so that
-- a task's end is a HOT update.
CREATE TABLE task (
	id bigint PRIMARY KEY,
	parent bigint,
	name text COLLATE "C" NOT NULL,
	queue integer NOT NULL,
	rank integer NOT NULL,
	scopes text,
	state smallint NOT NULL,
	due bigint NOT NULL,
	bundle bigint,
	delay bigint NOT NULL DEFAULT 0,
	attempt integer NOT NULL DEFAULT 0,
	failures integer NOT NULL DEFAULT 0,
	crashes integer NOT NULL DEFAULT 0,
	losses integer NOT NULL DEFAULT 0,
	fails_job boolean NOT NULL DEFAULT false,
	is_cancelled boolean NOT NULL DEFAULT false,
	created bigint NOT NULL,
	finished bigint,
	wait_scope bigint NOT NULL DEFAULT 0,
	wait_gate text COLLATE "C",
	wait_until bigint NOT NULL DEFAULT 0,
	wait_timeout bigint NOT NULL DEFAULT 0,
	reason text
) WITH (fillfactor = 70);
CREATE INDEX task_parent ON task (parent, id) WHERE parent IS NOT NULL;
CREATE TABLE dead (task bigint PRIMARY KEY, queue integer NOT NULL);
CREATE INDEX dead_queue ON dead (queue, task);
CREATE TABLE payload (task bigint PRIMARY KEY, text text NOT NULL);
CREATE TABLE result (task bigint PRIMARY KEY, text text NOT NULL);
CREATE TABLE attempt (
	id bigint GENERATED ALWAYS AS IDENTITY,
	task bigint NOT NULL,
	n integer NOT NULL,
	nonce bigint,
	entry text,
	output text,
	PRIMARY KEY (task, id)
);

-- n is a task (bundle 0), or the next child of a bundle.
CREATE TABLE ready (
	queue integer NOT NULL,
	rank integer NOT NULL,
	due bigint NOT NULL,
	n bigint NOT NULL,
	bundle bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (queue, rank, due, n, bundle)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
-- The same until it is due; a row of a task that waits is its gate's time-out.
CREATE TABLE delayed (
	queue integer NOT NULL,
	due bigint NOT NULL,
	n bigint NOT NULL,
	bundle bigint NOT NULL DEFAULT 0,
	is_timeout boolean NOT NULL DEFAULT false,
	PRIMARY KEY (queue, due, n, bundle)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
-- state: 0 unborn, 1 ready, 2 dropped, 3 delayed, 4 in the outbox. tasks: how many are left in it.
CREATE TABLE bundle (
	id bigint PRIMARY KEY,
	parent bigint NOT NULL,
	queue integer NOT NULL,
	rank integer NOT NULL,
	delay bigint NOT NULL,
	state smallint NOT NULL DEFAULT 0,
	due bigint NOT NULL DEFAULT 0,
	tasks integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX bundle_parent ON bundle (parent);
CREATE INDEX bundle_dropped ON bundle (id) WHERE state = 2;
CREATE TABLE chunk (
	bundle bigint NOT NULL,
	first bigint NOT NULL,
	last bigint NOT NULL,
	PRIMARY KEY (bundle, first)
);
CREATE TABLE lease (
	task bigint PRIMARY KEY,
	queue integer NOT NULL,
	owner text COLLATE "C" NOT NULL,
	attempt integer NOT NULL,
	nonce bigint NOT NULL,
	until bigint NOT NULL,
	length bigint NOT NULL,
	due bigint NOT NULL,
	since bigint NOT NULL,
	spawned bigint NOT NULL DEFAULT 0,
	is_cancelled boolean NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX lease_owner ON lease (owner);
CREATE INDEX lease_until ON lease (queue, until);

CREATE TABLE counter (
	job bigint NOT NULL,
	scope bigint NOT NULL,
	gate text COLLATE "C" NOT NULL,
	pending bigint NOT NULL,
	version bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (job, scope, gate)
) WITH (fillfactor = 60);
-- seen: the counter's version when it was judged last; -1: never.
CREATE TABLE waiter (
	job bigint NOT NULL,
	scope bigint NOT NULL,
	gate text COLLATE "C" NOT NULL,
	task bigint NOT NULL,
	seen bigint NOT NULL,
	PRIMARY KEY (job, scope, gate, task)
);
CREATE TABLE tally (
	job bigint NOT NULL,
	scope bigint NOT NULL,
	name text COLLATE "C" NOT NULL,
	place bigint NOT NULL,
	born bigint NOT NULL DEFAULT 0,
	completed bigint NOT NULL DEFAULT 0,
	failed bigint NOT NULL DEFAULT 0,
	invalid bigint NOT NULL DEFAULT 0,
	skipped bigint NOT NULL DEFAULT 0,
	cancelled bigint NOT NULL DEFAULT 0,
	excused bigint NOT NULL DEFAULT 0,
	waiting bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (job, scope, name)
) WITH (fillfactor = 60);

-- Jobs that were started here and wait for a keeper, who knows the workflow's rules. failed: why it
-- can't be one.
CREATE TABLE start (
	id text COLLATE "C" PRIMARY KEY,
	workflow text COLLATE "C" NOT NULL,
	payload text NOT NULL,
	key text,
	created bigint NOT NULL,
	failed text
);
CREATE INDEX start_open ON start (id) WHERE failed IS NULL;

-- Hosts that carry rings to their sleepers.
CREATE TABLE listener (id text COLLATE "C" PRIMARY KEY, until bigint NOT NULL);

-- What an act answers: kind 'task' a lease, 'ring' a queue ('': all outboxes) and how many tasks became ready in it,
-- 'job' one to settle, 'ended' a job, 'next' a time in ms, 'tell' other hosts listen; n is the
-- number of each.
CREATE TYPE reply AS (
	kind text,
	n bigint,
	id text,
	job text,
	parent bigint,
	name text,
	queue text,
	payload text,
	scopes text,
	owner text,
	attempt integer,
	nonce bigint,
	failures integer,
	crashes integer,
	losses integer,
	due bigint,
	wait_scope bigint,
	wait_gate text,
	wait_until bigint,
	is_cancelled boolean
);
-- Rows of one job for each of its names, after one row of the job itself (name NULL).
CREATE TYPE job_line AS (uuid text, workflow text, hash text, key text, reason text, status integer,
	created bigint, finished bigint, payload text, name text, born bigint, waiting bigint,
	completed bigint, failed bigint, invalid bigint, skipped bigint, cancelled bigint,
	working bigint);
