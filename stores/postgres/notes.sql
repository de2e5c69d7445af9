-- Schema 6: what keepers remember of schedules.

CREATE TABLE schedule (
	name text COLLATE "C" PRIMARY KEY,
	version bigint NOT NULL,
	text text NOT NULL
);
