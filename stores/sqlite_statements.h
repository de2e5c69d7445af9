#pragma once
/*
 * Every statement of the SQLite backend, prepared at its first use and kept. One list, so that a
 * test can ask SQLite for the plan of each: none may scan a table that grows.
 *
 * Numbers in the text: task states 0 waiting, 1 queued, 3 completed, 4 failed, 5 invalid,
 * 7 cancelled; job states 0 running, 3 cancelled; bundle states 0 unborn, 1 born, 2 dropped;
 * 27 is SQLITE_SEQ_BITS. A line is what other files call one: the tasks of a group.
 */

/* clang-format off */
#define SQLITE_TASK_COLUMNS \
	"t.id, t.parent, t.queue, t.rank, t.due, t.bundle, t.wait_scope, t.wait_until, t.state, " \
	"t.attempt, t.failures, t.crashes, t.losses, t.fails_job, t.is_cancelled, " \
	"t.delay, t.wait_timeout, t.name, t.wait_gate, t.dispatch, t.line, t.turn"

#define SQLITE_LEASED \
	"SELECT l.task, l.owner, l.attempt, l.nonce, l.due, " \
	"l.is_cancelled OR coalesce(j.status = 3, 0), coalesce(j.uuid, p.id), j.uuid, " \
	"t.parent & 134217727, t.name, q.name, b.payload, t.scopes, t.failures, t.crashes, " \
	"t.losses, t.wait_scope, t.wait_gate, t.wait_until " \
	"FROM lease l CROSS JOIN task t ON t.id = l.task CROSS JOIN queue q ON q.id = t.queue " \
	"LEFT JOIN body b ON b.task = l.task LEFT JOIN job j ON j.id = l.task >> 27 " \
	"LEFT JOIN pushed p ON p.task = l.task "

/* Of a job j: its key is the id of a task that has not ended. */
#define SQLITE_IS_AWAITED \
	"(coalesce(substr(j.key, 37, 1) = '.', 0) AND EXISTS (SELECT 1 FROM job o " \
	"JOIN task t ON t.id = o.id << 27 | CAST(substr(j.key, 38) AS INTEGER) " \
	"WHERE o.uuid = substr(j.key, 1, 36) AND t.state <= 2)) "

#define SQLITE_JOB_RECORD \
	"SELECT j.id, j.uuid, j.workflow, j.hash, j.key, j.reason, j.status, j.created, " \
	"coalesce(j.finished, 0), b.payload " \
	"FROM job j LEFT JOIN body b ON b.task = j.id << 27 "

#define SQLITE_TASK_RECORD \
	"SELECT t.id, coalesce(j.uuid, p.id), j.uuid, t.name, q.name, t.reason, t.scopes, " \
	"t.parent & 134217727, t.state, t.attempt, t.failures, t.crashes, t.losses, t.created, " \
	"t.due, coalesce(t.finished, 0), t.wait_gate, coalesce(t.wait_scope, 0), " \
	"l.attempt, b.due, coalesce(b.state, 1), t.parent " \
	"FROM task t LEFT JOIN job j ON j.id = t.id >> 27 LEFT JOIN pushed p ON p.task = t.id " \
	"LEFT JOIN queue q ON q.id = t.queue LEFT JOIN lease l ON l.task = t.id " \
	"LEFT JOIN bundle b ON b.id = t.bundle "

#define SQLITE_STATEMENTS(X) \
	X(BEGIN_WRITE, "BEGIN IMMEDIATE") \
	X(BEGIN_READ, "BEGIN") \
	X(COMMIT, "COMMIT") \
	X(ROLLBACK, "ROLLBACK") \
	X(COMPARE_BOOT, "SELECT value = ?1 FROM meta WHERE name = 'boot'") \
	X(SET_BOOT, "INSERT INTO meta VALUES ('boot', ?1) " \
		"ON CONFLICT (name) DO UPDATE SET value = excluded.value") \
	X(GET_TAG, "SELECT value FROM meta WHERE name = 'tag'") \
	X(TAKE_NUMBERS, "UPDATE meta SET value = value + ?1 WHERE name = 'number' RETURNING value") \
	\
	X(FIND_QUEUE, "SELECT id FROM queue WHERE name = ?1") \
	X(ADD_QUEUE, "INSERT INTO queue (name) VALUES (?1)") \
	X(NAME_QUEUE, "SELECT name FROM queue WHERE id = ?1") \
	X(LIST_QUEUES, "SELECT id FROM queue WHERE id > ?1 ORDER BY id LIMIT 1") \
	X(GET_QUEUE, "SELECT depth, delayed, dead, completed, failed, " \
		"(SELECT count(*) FROM lease WHERE queue = q.id), " \
		"(SELECT due FROM ready WHERE queue = q.id ORDER BY rank, due, entry LIMIT 1), " \
		"(SELECT due FROM delayed WHERE queue = q.id AND tasks > 0 ORDER BY due LIMIT 1), " \
		"(SELECT sum(tasks) FROM (SELECT tasks FROM delayed WHERE queue = q.id " \
		"AND due <= ?2 LIMIT 1000)), unsent, sent, parked, " \
		"(SELECT count(*) FROM claim WHERE queue = q.id), " \
		"(SELECT count(*) FROM claim WHERE queue = q.id AND due > ?2), " \
		"paused, rate_ms FROM queue q WHERE q.id = ?1") \
	X(UNSENT_LATER, "SELECT coalesce(sum(tasks), 0), count(*) FROM (SELECT tasks FROM unsent " \
		"WHERE queue = ?1 AND due > ?2 LIMIT ?3)") \
	X(UNSENT_DUE, "SELECT coalesce(sum(tasks), 0), count(*) FROM (SELECT tasks FROM unsent " \
		"WHERE queue = ?1 AND due <= ?2 LIMIT ?3)") \
	X(SENT_LATER, "SELECT count(*), count(*) FROM (SELECT 1 FROM sent " \
		"WHERE queue = ?1 AND due > ?2 LIMIT ?3)") \
	X(SENT_DUE, "SELECT count(*), count(*) FROM (SELECT 1 FROM sent " \
		"WHERE queue = ?1 AND due <= ?2 LIMIT ?3)") \
	X(HAS_DOOR, "SELECT has_door FROM queue WHERE id = ?1") \
	X(SET_DOOR, "UPDATE queue SET has_door = ?2 WHERE id = ?1 AND has_door <> ?2") \
	X(NEXT_CLOSED, "SELECT id FROM queue WHERE id > ?1 AND has_door = 0 " \
		"AND (unsent > 0 OR sent > 0) ORDER BY id LIMIT 1") \
	X(IS_READY, "SELECT 1 FROM ready WHERE queue = ?1 " \
		"AND NOT EXISTS (SELECT 1 FROM queue WHERE id = ?1 AND paused > 0) LIMIT 1") \
	X(IS_PAUSED, "SELECT paused > 0 FROM queue WHERE id = ?1") \
	X(SET_PAUSED, "UPDATE queue SET paused = ?2 WHERE id = ?1 AND (paused > 0) <> (?2 > 0)") \
	\
	X(QUEUE_OF_TASK, "SELECT t.queue FROM task t JOIN queue q ON q.id = t.queue " \
		"WHERE t.id = ?1 AND q.has_max_working = 1") \
	X(GET_LIMITS, "SELECT has_max_working, rate_ms FROM queue WHERE id = ?1") \
	X(SET_LIMITS, "UPDATE queue SET has_max_working = ?2, rate_ms = ?3 WHERE id = ?1") \
	X(COUNT_LEASES, "SELECT count(*) FROM (SELECT 1 FROM lease WHERE queue = ?1 LIMIT ?2)") \
	X(GET_TAKEN, "SELECT coalesce(sum(tasks), 0), min(slot) FROM taken " \
		"WHERE queue = ?1 AND slot BETWEEN ?2 AND ?3") \
	X(ADD_TAKEN, "INSERT INTO taken VALUES (?1, ?2, ?3) " \
		"ON CONFLICT (queue, slot) DO UPDATE SET tasks = tasks + excluded.tasks") \
	X(DROP_TAKEN, "DELETE FROM taken WHERE queue = ?1 AND slot < ?2") \
	X(DROP_ALL_TAKEN, "DELETE FROM taken WHERE queue = ?1") \
	X(FORGET_TAKEN, "DELETE FROM taken WHERE queue > 0") \
	\
	X(ADD_SCHEDULE, "INSERT INTO schedule VALUES (?1, 1, ?2) ON CONFLICT (name) DO NOTHING") \
	X(SET_SCHEDULE, "UPDATE schedule SET version = version + 1, text = ?3 " \
		"WHERE name = ?1 AND version = ?2") \
	X(GET_SCHEDULE, "SELECT version, text FROM schedule WHERE name = ?1") \
	X(KEEP_BEAT, "INSERT INTO beat VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET " \
		"at = excluded.at, until = excluded.until, text = excluded.text") \
	X(DROP_BEATS, "DELETE FROM beat WHERE id > '' AND until <= ?1") \
	X(LIST_BEATS, "SELECT id, text, ?1 - at FROM beat WHERE id > '' AND until > ?1 " \
		"ORDER BY id LIMIT ?2") \
	\
	X(HAS_WORKFLOW, "SELECT 1 FROM workflow WHERE hash = ?1") \
	X(ADD_WORKFLOW, "INSERT OR IGNORE INTO workflow VALUES (?1, ?2, ?3)") \
	X(GET_WORKFLOW, "SELECT text FROM workflow WHERE hash = ?1") \
	\
	X(FIND_JOB, "SELECT id FROM job WHERE uuid = ?1") \
	X(FIND_JOB_KEY, "SELECT uuid FROM job " \
		"WHERE workflow = ?1 AND key = ?2 AND finished IS NULL") \
	X(RIVAL_OF_JOB, "SELECT o.id FROM job j JOIN job o ON o.workflow = j.workflow " \
		"AND o.key = j.key AND o.finished IS NULL AND o.id <> j.id WHERE j.id = ?1") \
	X(ADD_JOB, "INSERT INTO job (id, uuid, workflow, hash, key, status, active, waiting, " \
		"failing, next_seq, created) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 1, ?6)") \
	X(LOAD_JOB, "SELECT status, active, waiting, failing, next_seq, swept, " \
		"finished IS NOT NULL, is_ending FROM job WHERE id = ?1") \
	X(STORE_JOB, "UPDATE job SET status = ?2, active = ?3, waiting = ?4, " \
		"failing = ?5, next_seq = ?6, swept = ?7 WHERE id = ?1") \
	X(STORE_JOB_REASON, "UPDATE job SET reason = ?2 WHERE id = ?1") \
	X(FINISH_JOB, "UPDATE job SET finished = ?2 WHERE id = ?1") \
	X(RESUME_JOB, "UPDATE job SET finished = NULL, swept = 0, has_results = 1 WHERE id = ?1") \
	X(SET_ENDING, "UPDATE job SET is_ending = ?2 WHERE id = ?1") \
	X(IS_HELD_JOB, "SELECT 1 FROM lease WHERE task BETWEEN ?1 AND ?2 LIMIT 1") \
	X(GET_JOB, SQLITE_JOB_RECORD "WHERE j.uuid = ?1") \
	X(LIST_JOBS, SQLITE_JOB_RECORD "WHERE j.uuid < ?1 ORDER BY j.uuid DESC LIMIT ?2") \
	X(LIST_OPEN_JOBS, SQLITE_JOB_RECORD \
		"WHERE j.finished IS NULL AND j.uuid < ?1 ORDER BY j.uuid DESC LIMIT ?2") \
	X(LIST_ENDING_JOBS, SQLITE_JOB_RECORD \
		"WHERE j.is_ending = 1 AND j.uuid < ?1 ORDER BY j.uuid DESC LIMIT ?2") \
	X(LIST_JOB_NAMES, "SELECT name, born, waiting, completed, failed, invalid, skipped, " \
		"cancelled FROM tally WHERE job = ?1 AND scope = 0 ORDER BY place") \
	X(LIST_JOB_WORKING, "SELECT t.name FROM lease l CROSS JOIN task t ON t.id = l.task " \
		"WHERE l.task BETWEEN ?1 AND ?2") \
	X(FIND_JOB_AFTER, "SELECT id FROM job WHERE uuid > ?1 ORDER BY uuid LIMIT 1") \
	\
	X(ADD_PUSHED, "INSERT INTO pushed (task, id, queue, key) VALUES (?1, ?2, ?3, ?4)") \
	X(FIND_PUSHED, "SELECT task FROM pushed WHERE id = ?1") \
	X(FIND_PUSHED_AFTER, "SELECT task FROM pushed WHERE id > ?1 ORDER BY id LIMIT 1") \
	X(FIND_PUSHED_KEY, "SELECT id FROM pushed " \
		"WHERE queue = ?1 AND key = ?2 AND finished IS NULL") \
	X(RIVAL_OF_PUSHED, "SELECT o.task FROM pushed p JOIN pushed o ON o.queue = p.queue " \
		"AND o.key = p.key AND o.finished IS NULL AND o.task <> p.task WHERE p.task = ?1") \
	X(FINISH_PUSHED, "UPDATE pushed SET state = ?2, finished = ?3 WHERE task = ?1") \
	X(RESUME_PUSHED, "UPDATE pushed SET state = NULL, finished = NULL, has_result = 1 " \
		"WHERE task = ?1") \
	X(DROP_PUSHED, "DELETE FROM pushed WHERE task = ?1") \
	X(NEXT_OPEN_PUSHED, "SELECT task FROM pushed WHERE queue = ?1 AND finished IS NULL " \
		"AND task > ?2 ORDER BY task LIMIT 1") \
	X(NEXT_DEAD_PUSHED, "SELECT id FROM task WHERE queue = ?1 AND state IN (4, 5) " \
		"AND parent IS NULL AND id > ?2 ORDER BY id LIMIT 1") \
	\
	X(ADD_TASK, "INSERT INTO task (id, parent, name, queue, rank, scopes, state, due, bundle, " \
		"delay, created, wait_scope, wait_gate, wait_until, wait_timeout) " \
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)") \
	X(ADD_BODY, "INSERT INTO body VALUES (?1, ?2)") \
	X(GET_BODY, "SELECT payload FROM body WHERE task = ?1") \
	X(GET_RESULT, "SELECT result FROM task WHERE id = ?1") \
	X(LOAD_TASK, "SELECT " SQLITE_TASK_COLUMNS ", " \
		"coalesce((SELECT state FROM bundle WHERE id = t.bundle), 1) " \
		"FROM task t WHERE t.id = ?1") \
	X(END_TASK, "UPDATE task SET state = ?2, attempt = ?3, failures = ?4, crashes = ?5, " \
		"fails_job = ?6, finished = ?7, reason = ?8, result = ?9, bundle = NULL " \
		"WHERE id = ?1") \
	X(CANCEL_QUEUED, "UPDATE task SET state = 7, finished = ?2, bundle = NULL WHERE id = ?1") \
	X(STORE_TASK, "UPDATE task SET state = ?2, due = ?3, attempt = ?4, failures = ?5, " \
		"crashes = ?6, losses = ?7, is_cancelled = ?8, bundle = NULL " \
		"WHERE id = ?1") \
	X(REVIVE_TASK, "UPDATE task SET fails_job = 0, finished = NULL, reason = NULL, " \
		"result = NULL, wait_until = ?2 WHERE id = ?1") \
	X(WAKE_TASK, "UPDATE task SET state = 1, due = ?2 WHERE id = ?1") \
	X(UNBUNDLE_TASK, "UPDATE task SET bundle = NULL WHERE id = ?1") \
	X(LIST_JOB_TASKS, "SELECT id FROM task WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3") \
	X(GET_TASK, SQLITE_TASK_RECORD "WHERE t.id = ?1") \
	X(LIST_TASKS, SQLITE_TASK_RECORD \
		"WHERE t.id > ?1 AND t.id <= ?2 ORDER BY t.id LIMIT ?3") \
	X(LIST_CHILDREN, SQLITE_TASK_RECORD \
		"WHERE t.parent = ?4 AND t.id > ?1 AND t.id <= ?2 ORDER BY t.id LIMIT ?3") \
	X(LIST_WORKING, SQLITE_TASK_RECORD "WHERE t.id IN (SELECT task FROM lease " \
		"WHERE task > ?1 AND task <= ?2) ORDER BY t.id LIMIT ?3") \
	X(LIST_DEAD, SQLITE_TASK_RECORD "WHERE t.state IN (4, 5) AND t.id > ?1 AND t.id <= ?2 " \
		"ORDER BY t.id LIMIT ?3") \
	X(LIST_QUEUE_DEAD, SQLITE_TASK_RECORD "WHERE t.queue = ?4 AND t.state IN (4, 5) " \
		"AND t.id > ?1 AND t.id <= ?2 ORDER BY t.id LIMIT ?3") \
	X(ADD_ATTEMPT, "INSERT INTO attempt (task, n, nonce, entry, output) " \
		"VALUES (?1, ?2, ?3, ?4, ?5)") \
	X(HAS_COMMITTED, "SELECT 1 FROM attempt WHERE task = ?1 AND nonce = ?2") \
	X(LIST_ATTEMPTS, "SELECT n, entry, output FROM attempt " \
		"WHERE task = ?1 AND entry IS NOT NULL ORDER BY id") \
	\
	X(ADD_READY, "INSERT INTO ready VALUES (?1, ?2, ?3, ?4, ?5)") \
	X(DROP_READY, "DELETE FROM ready WHERE queue = ?1 AND rank = ?2 AND due = ?3 AND entry = ?4") \
	X(TAKE_READY, "UPDATE ready SET tasks = tasks - 1 " \
		"WHERE queue = ?1 AND rank = ?2 AND due = ?3 AND entry = ?4") \
	X(HEAD_READY, "SELECT rank, due, entry, tasks FROM ready WHERE queue = ?1 " \
		"ORDER BY rank, due, entry LIMIT 1") \
	X(ADD_DELAYED, "INSERT INTO delayed VALUES (?1, ?2, ?3, ?4)") \
	X(DROP_DELAYED, "DELETE FROM delayed WHERE queue = ?1 AND due = ?2 AND entry = ?3") \
	X(PUT_OFF_READY, "INSERT INTO delayed SELECT queue, ?5, entry, tasks FROM ready " \
		"WHERE queue = ?1 AND rank = ?2 AND due = ?3 AND entry = ?4 AND tasks > 0") \
	X(PUT_OFF_UNSENT, "INSERT INTO delayed SELECT queue, ?5, entry, tasks FROM unsent " \
		"WHERE queue = ?1 AND rank = ?2 AND due = ?3 AND entry = ?4 AND tasks > 0") \
	X(DROP_EMPTY, "DELETE FROM delayed " \
		"WHERE queue = ?1 AND due = ?2 AND entry = ?3 AND tasks <= 0") \
	X(TAKE_DELAYED, "UPDATE delayed SET tasks = tasks - 1 " \
		"WHERE queue = ?1 AND due = ?2 AND entry = ?3") \
	X(HEAD_DELAYED, "SELECT due, entry, tasks FROM delayed WHERE queue = ?1 " \
		"ORDER BY due, entry LIMIT 1") \
	\
	X(ADD_UNSENT, "INSERT INTO unsent VALUES (?1, ?2, ?3, ?4, ?5, ?6)") \
	X(DROP_UNSENT, "DELETE FROM unsent WHERE queue = ?1 AND rank = ?2 AND due = ?3 AND entry = ?4") \
	X(TAKE_UNSENT, "UPDATE unsent SET tasks = tasks - 1 " \
		"WHERE queue = ?1 AND rank = ?2 AND due = ?3 AND entry = ?4") \
	X(NEXT_UNSENT_RANK, "SELECT rank FROM unsent WHERE queue = ?1 AND rank > ?2 " \
		"ORDER BY rank LIMIT 1") \
	X(HEAD_UNSENT, "SELECT rank, due, entry, tasks, dispatch FROM unsent WHERE queue = ?1 " \
		"AND rank = ?2 AND due <= ?3 ORDER BY due, entry LIMIT 1") \
	X(FIRST_UNSENT_DUE, "SELECT due FROM unsent WHERE queue = ?1 ORDER BY due LIMIT 1") \
	X(GET_UNSENT, "SELECT dispatch FROM unsent " \
		"WHERE queue = ?1 AND rank = ?2 AND due = ?3 AND entry = ?4") \
	X(DISPATCH_TASK, "UPDATE task SET due = ?2, dispatch = ?3, bundle = NULL WHERE id = ?1") \
	X(NAME_TASK, "SELECT coalesce(j.uuid, p.id), j.uuid FROM task t " \
		"LEFT JOIN job j ON j.id = t.id >> 27 LEFT JOIN pushed p ON p.task = t.id " \
		"WHERE t.id = ?1") \
	X(ADD_CLAIM, "INSERT INTO claim VALUES (?1, ?2, ?3, ?4, ?5)") \
	X(DROP_CLAIM, "DELETE FROM claim WHERE task = ?1") \
	X(FIRST_CLAIM, "SELECT until, task FROM claim WHERE queue = ?1 ORDER BY until LIMIT 1") \
	X(NEXT_CLAIM_OF_OWNER, "SELECT task FROM claim WHERE owner = ?1 ORDER BY task LIMIT 1") \
	X(LAPSE_CLAIMS, "UPDATE claim SET until = 0 WHERE task > 0") \
	X(ADD_SENT, "INSERT INTO sent VALUES (?1, ?2, ?3, ?4, ?5)") \
	X(DROP_SENT, "DELETE FROM sent WHERE task = ?1") \
	X(HEAD_SENT, "SELECT since, task FROM sent WHERE queue = ?1 AND level = ?2 " \
		"ORDER BY since, task LIMIT 1") \
	X(FIRST_SENT, "SELECT task FROM sent WHERE queue = ?1 ORDER BY due LIMIT 1") \
	X(ADD_TURN, "INSERT INTO turn VALUES (?1, ?2, ?3, ?4, 0)") \
	X(DROP_TURN, "DELETE FROM turn WHERE queue = ?1 AND line = ?2 AND place = ?3") \
	X(FIRST_TURN, "SELECT place, task, is_parked FROM turn WHERE queue = ?1 AND line = ?2 " \
		"ORDER BY place LIMIT 1") \
	X(LAST_TURN, "SELECT place FROM turn WHERE queue = ?1 AND line = ?2 " \
		"ORDER BY place DESC LIMIT 1") \
	X(PARK, "UPDATE turn SET is_parked = ?4 " \
		"WHERE queue = ?1 AND line = ?2 AND place = ?3 AND is_parked <> ?4") \
	X(SET_TURN, "UPDATE task SET line = ?2, turn = ?3 WHERE id = ?1") \
	X(ADD_ADOPTED, "INSERT OR IGNORE INTO adopted VALUES (?1, ?2, ?3)") \
	X(NEXT_ADOPTED, "SELECT at FROM adopted WHERE at > 0 ORDER BY at LIMIT 1") \
	X(FORGET_ADOPTED, "DELETE FROM adopted WHERE (queue, message) IN " \
		"(SELECT queue, message FROM adopted WHERE at < ?1 ORDER BY at LIMIT ?2)") \
	\
	X(FIND_BUNDLE, "SELECT id FROM bundle WHERE parent = ?1 AND state = 0 AND queue = ?2 " \
		"AND rank = ?3 AND delay = ?4") \
	X(ADD_BUNDLE, "INSERT INTO bundle (id, parent, queue, rank, delay, state, due, tasks, next, " \
		"stop) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 0)") \
	X(GROW_BUNDLE, "UPDATE bundle SET tasks = tasks + ?2 WHERE id = ?1") \
	X(LIST_BUNDLES, "SELECT id, queue, rank, delay, tasks FROM bundle " \
		"WHERE parent = ?1 AND state = 0") \
	X(BEAR_BUNDLE, "UPDATE bundle SET state = 1, due = ?2 WHERE id = ?1") \
	X(DROP_BUNDLES, "UPDATE bundle SET state = 2 WHERE parent = ?1 AND state = 0") \
	X(LOAD_BUNDLE, "SELECT queue, rank, due, next, stop, parent FROM bundle WHERE id = ?1") \
	X(MOVE_BUNDLE, "UPDATE bundle SET next = ?2, stop = ?3 WHERE id = ?1") \
	X(DELETE_BUNDLE, "DELETE FROM bundle WHERE id = ?1") \
	X(NEXT_DROPPED, "SELECT id, next, stop FROM bundle WHERE state = 2 ORDER BY id LIMIT 1") \
	X(ADD_CHUNK, "INSERT INTO chunk VALUES (?1, ?2, ?3)") \
	X(GROW_CHUNK, "UPDATE chunk SET count = count + ?3 WHERE bundle = ?1 AND first = ?2") \
	X(LAST_CHUNK, "SELECT first, count FROM chunk WHERE bundle = ?1 ORDER BY first DESC LIMIT 1") \
	X(FIRST_CHUNK, "SELECT first, count FROM chunk WHERE bundle = ?1 ORDER BY first LIMIT 1") \
	X(EMPTY_BUNDLE, "DELETE FROM chunk WHERE bundle = ?1") \
	X(DELETE_CHUNK, "DELETE FROM chunk WHERE bundle = ?1 AND first = ?2") \
	X(IS_IN_BUNDLE, "SELECT 1 FROM task WHERE id = ?1 AND bundle = ?2 AND state = 1") \
	\
	X(ADD_LEASE, "INSERT INTO lease (task, queue, owner, attempt, nonce, until, length, due, " \
		"since, is_cancelled) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)") \
	X(LOAD_LEASE, "SELECT queue, owner, attempt, nonce, due, length, since, spawned, " \
		"is_cancelled FROM lease WHERE task = ?1") \
	X(DROP_LEASE, "DELETE FROM lease WHERE task = ?1") \
	X(RENEW_LEASE, "UPDATE lease SET until = ?2, length = ?3 WHERE task = ?1") \
	X(CANCEL_LEASE, "UPDATE lease SET is_cancelled = 1 WHERE task = ?1") \
	X(SPAWN_LEASE, "UPDATE lease SET spawned = ?2 WHERE task = ?1") \
	X(GET_LEASED, SQLITE_LEASED "WHERE l.task = ?1") \
	X(LIST_HELD, SQLITE_LEASED "WHERE l.owner = ?1 ORDER BY l.task") \
	X(NEXT_OF_OWNER, "SELECT task FROM lease WHERE owner = ?1 ORDER BY task LIMIT 1") \
	X(NEXT_LEASE, "SELECT task FROM lease WHERE task > ?1 ORDER BY task LIMIT 1") \
	X(FIRST_TO_EXPIRE, "SELECT until FROM lease WHERE queue = ?1 ORDER BY until LIMIT 1") \
	X(FIRST_AFTER_OUTAGE, "SELECT min(max(until, ?2 + length)) FROM lease WHERE queue = ?1") \
	X(NEXT_EXPIRED, "SELECT task FROM lease " \
		"WHERE queue = ?1 AND until <= ?2 AND (?3 = 0 OR ?3 + length <= ?2) " \
		"ORDER BY until LIMIT 1") \
	\
	X(GET_COUNTER, "SELECT pending, version FROM counter " \
		"WHERE job = ?1 AND scope = ?2 AND gate = ?3") \
	X(ADD_COUNTER, "INSERT INTO counter VALUES (?1, ?2, ?3, ?4, ?5) " \
		"ON CONFLICT (job, scope, gate) DO UPDATE SET pending = pending + excluded.pending, " \
		"version = version + excluded.version") \
	X(ADD_WAITER, "INSERT INTO waiter VALUES (?1, ?2, ?3, ?4)") \
	X(DROP_WAITER, "DELETE FROM waiter WHERE job = ?1 AND scope = ?2 AND gate = ?3 AND task = ?4") \
	X(NEXT_WAITER, "SELECT task FROM waiter WHERE job = ?1 AND scope = ?2 AND gate = ?3 " \
		"ORDER BY task LIMIT 1") \
	X(NEXT_GATE, "SELECT job, scope, gate FROM waiter WHERE (job, scope, gate) > (?1, ?2, ?3) " \
		"ORDER BY job, scope, gate LIMIT 1") \
	X(GET_GATE, "SELECT j.uuid, c.pending, j.status, j.finished IS NOT NULL, j.failing " \
		"FROM job j JOIN counter c ON c.job = j.id AND c.scope = ?2 AND c.gate = ?3 " \
		"WHERE j.id = ?1") \
	X(ADD_WAKING, "INSERT OR IGNORE INTO waking VALUES (?1, ?2, ?3)") \
	X(NEXT_WAKING, "SELECT job, scope, gate FROM waking ORDER BY job, scope, gate LIMIT 1") \
	X(IS_WAKING_JOB, "SELECT 1 FROM waking WHERE job = ?1 LIMIT 1") \
	X(DROP_WAKING, "DELETE FROM waking WHERE job = ?1 AND scope = ?2 AND gate = ?3") \
	X(ADD_TALLY, "INSERT INTO tally VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) " \
		"ON CONFLICT (job, scope, name) DO UPDATE SET born = born + excluded.born, " \
		"completed = completed + excluded.completed, failed = failed + excluded.failed, " \
		"invalid = invalid + excluded.invalid, skipped = skipped + excluded.skipped, " \
		"cancelled = cancelled + excluded.cancelled, excused = excused + excluded.excused, " \
		"waiting = waiting + excluded.waiting") \
	X(GET_TALLY, "SELECT born, completed, failed, invalid, skipped, cancelled, excused " \
		"FROM tally WHERE job = ?1 AND scope = ?2 AND name = ?3") \
	\
	X(NEXT_ENDED_JOB, "SELECT j.id FROM job j WHERE status = ?1 AND finished < ?2 " \
		"AND finished IS NOT NULL AND NOT " SQLITE_IS_AWAITED "ORDER BY finished LIMIT 1") \
	X(DELETE_JOB, "DELETE FROM job WHERE id = ?1") \
	X(ADD_DOOMED, "INSERT INTO doomed VALUES (?1)") \
	X(NEXT_DOOMED, "SELECT job FROM doomed ORDER BY job LIMIT 1") \
	X(DROP_DOOMED, "DELETE FROM doomed WHERE job = ?1") \
	X(NEXT_ENDED_PUSHED, "SELECT task FROM pushed WHERE state = ?1 AND finished < ?2 " \
		"AND finished IS NOT NULL ORDER BY finished LIMIT 1") \
	X(DELETE_BODIES, "DELETE FROM body WHERE task BETWEEN ?1 AND ?2") \
	X(DELETE_ATTEMPTS, "DELETE FROM attempt WHERE task BETWEEN ?1 AND ?2") \
	X(DELETE_TASKS, "DELETE FROM task WHERE id BETWEEN ?1 AND ?2") \
	X(DELETE_CHUNKS, "DELETE FROM chunk WHERE bundle IN " \
		"(SELECT id FROM bundle WHERE parent BETWEEN ?1 AND ?2)") \
	X(DELETE_BUNDLES, "DELETE FROM bundle WHERE parent BETWEEN ?1 AND ?2") \
	X(DELETE_COUNTERS, "DELETE FROM counter WHERE job = ?1 AND (scope, gate) IN " \
		"(SELECT scope, gate FROM counter WHERE job = ?1 LIMIT ?2)") \
	X(DELETE_WAITERS, "DELETE FROM waiter WHERE job = ?1 AND (scope, gate, task) IN " \
		"(SELECT scope, gate, task FROM waiter WHERE job = ?1 LIMIT ?2)") \
	X(DELETE_TALLIES, "DELETE FROM tally WHERE job = ?1 AND (scope, name) IN " \
		"(SELECT scope, name FROM tally WHERE job = ?1 LIMIT ?2)") \
	X(NEXT_OLD_RESULTS, "SELECT j.id, swept FROM job j WHERE has_results = 1 " \
		"AND finished < ?1 AND finished IS NOT NULL AND NOT " SQLITE_IS_AWAITED \
		"ORDER BY finished LIMIT 1") \
	X(CLEAR_RESULTS, "UPDATE task SET result = NULL " \
		"WHERE id BETWEEN ?1 AND ?2 AND result IS NOT NULL") \
	X(CLEARED_RESULTS, "UPDATE job SET swept = ?2, has_results = ?3 WHERE id = ?1") \
	X(NEXT_OLD_PUSHED, "SELECT task FROM pushed WHERE has_result = 1 AND finished < ?1 " \
		"AND finished IS NOT NULL ORDER BY finished LIMIT 1") \
	X(CLEARED_PUSHED, "UPDATE pushed SET has_result = 0 WHERE task = ?1")
/* clang-format on */

#define SQLITE_STATEMENT_ENUM(name, text) SQL_##name,
enum sqlite_statement { SQLITE_STATEMENTS(SQLITE_STATEMENT_ENUM) SQL_STATEMENTS };

extern const char *const sqlite_statement_texts[SQL_STATEMENTS];
