-- Schema 3: what supervisors tell each other, and queues that are paused for all of them.

ALTER TABLE queue ADD COLUMN paused bigint NOT NULL DEFAULT 0; -- since when; 0: it is not
-- Nothing is lost with them: each is written again every few seconds.
CREATE UNLOGGED TABLE beat (
	id text COLLATE "C" PRIMARY KEY,
	at bigint NOT NULL,
	until bigint NOT NULL,
	text text NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
