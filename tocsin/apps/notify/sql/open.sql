-- One worker looks through the queue at a time, so that order, merging and throttles hold across workers; it takes
-- milliseconds. What may be sent how often, and which channels are paused, comes along.
SELECT pg_advisory_xact_lock(%(lock)s),
       (SELECT json_agg(json_build_array(via, scope, most, within_s)) FROM notify_throttle),
       (SELECT json_agg(json_build_array(via, extract(epoch FROM until), why)) FROM notify_pause
        WHERE until > %(now)s)
