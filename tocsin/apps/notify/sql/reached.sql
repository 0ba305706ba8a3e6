-- Remember when these people, and for which services anybody, were last paged. In the order of their ids, so that two
-- workers never wait for each other.
WITH people AS (
    INSERT INTO notify_reached (user_id, last_paged_at)
    SELECT DISTINCT id, %(now)s::timestamptz FROM unnest(%(users)s::bigint[]) AS id ORDER BY id
    ON CONFLICT (user_id) DO UPDATE SET last_paged_at = EXCLUDED.last_paged_at
)
INSERT INTO notify_served (service, last_paged_at)
SELECT DISTINCT name, %(now)s::timestamptz FROM unnest(%(services)s::text[]) AS name ORDER BY name
ON CONFLICT (service) DO UPDATE SET last_paged_at = EXCLUDED.last_paged_at
