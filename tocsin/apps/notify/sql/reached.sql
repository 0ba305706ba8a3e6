-- Remember when these people were last paged. In the order of their ids, so that two workers never wait for each other.
INSERT INTO notify_reached (user_id, last_paged_at)
SELECT DISTINCT id, %(now)s::timestamptz FROM unnest(%(users)s::bigint[]) AS id ORDER BY id
ON CONFLICT (user_id) DO UPDATE SET last_paged_at = EXCLUDED.last_paged_at
