-- Schema 5: what queues let in. What was leased is counted by slots of time, see backend_slots in
-- stores/backend.h; nothing is lost with it but an exact count after a crash of the server.

ALTER TABLE queue ADD COLUMN has_max_working boolean NOT NULL DEFAULT false,
	ADD COLUMN rate_ms bigint NOT NULL DEFAULT 0; -- of the newest rate; 0: none
CREATE TABLE taken (
	queue integer NOT NULL,
	slot bigint NOT NULL,
	tasks integer NOT NULL,
	PRIMARY KEY (queue, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- They take more: limits, a priority.
DROP FUNCTION IF EXISTS act_lease(text[], text, bigint, bigint[]);
DROP FUNCTION IF EXISTS act_next(text, text[], text, bigint, bigint[]);
DROP FUNCTION IF EXISTS lease_queues(text[], text, bigint, bigint[]);
DROP FUNCTION IF EXISTS act_adopt(text, text, text, text, text, text, text, text);
DROP FUNCTION IF EXISTS adopt_foreign(text, text, text, text, text, text, text);
DROP FUNCTION IF EXISTS lease_queue(integer, text, bigint, bigint[], integer);
