-- Schema 4: jobs that applications have asked for are found by their key, and forgotten in time.

CREATE INDEX start_key ON start (workflow, key) WHERE failed IS NULL AND key IS NOT NULL;
CREATE INDEX start_failed ON start (created) WHERE failed IS NOT NULL;
