-- Take over what workers hold that have been silent for `silent` seconds, and forget workers silent for an hour.
-- Just after PostgreSQL has started all of them seem dead, because none could write its heartbeat.
WITH forgotten AS (
    DELETE FROM notify_workerprocess WHERE heartbeat_at < clock_timestamp() - interval '1 hour'
), held AS (
    SELECT n.id FROM notify_notification n
    WHERE n.state = 'claimed'
      AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %(silent)s)
      AND NOT EXISTS (
        SELECT 1 FROM notify_workerprocess w
        WHERE w.id = n.claimed_by AND w.heartbeat_at > clock_timestamp() - make_interval(secs => %(silent)s)
    )
    FOR UPDATE OF n SKIP LOCKED
)
UPDATE notify_notification n SET state = 'planned', claimed_by = ''
FROM held WHERE n.id = held.id
