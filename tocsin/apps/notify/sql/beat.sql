-- The heart of one worker beats, by the clock of the database: workers' clocks differ.
INSERT INTO notify_workerprocess (id, host, pid, started_at, heartbeat_at)
VALUES (%(id)s, %(host)s, %(pid)s, clock_timestamp(), clock_timestamp())
ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp()
