-- Take up to `batch` due messages. High before low and first pages before repeats (rank); then one message of each
-- person before anybody's second; then whoever was paged longest ago.
WITH candidates AS (
    SELECT n.id, n.rank, n.due_at, r.last_paged_at,
           row_number() OVER (PARTITION BY p.user_id, n.rank ORDER BY n.due_at, n.id) AS turn
    FROM notify_notification n
    JOIN notify_page p ON p.id = n.page_id
    LEFT JOIN notify_reached r ON r.user_id = p.user_id
    WHERE n.state = 'planned' AND n.due_at <= %(now)s
), chosen AS (
    SELECT n.id
    FROM notify_notification n
    JOIN candidates c ON c.id = n.id
    WHERE n.state = 'planned'
    ORDER BY c.rank, c.turn, c.last_paged_at NULLS FIRST, c.due_at, c.id
    LIMIT %(batch)s
    FOR UPDATE OF n SKIP LOCKED
), claimed AS (
    UPDATE notify_notification n
    SET state = 'claimed', claimed_by = %(worker)s, claimed_at = clock_timestamp(), attempts = n.attempts + 1
    FROM chosen
    WHERE n.id = chosen.id
    RETURNING n.*
)
SELECT n.id, n.page_id, p.call_out_id, p.incident_id, n.key, n.method_id, n.via, n.address,
       coalesce(m.config, '{}'), u.email, coalesce(nullif(u.name, ''), u.email), p.kind, p.urgency,
       p.subject, p.reason, p.headline, n.attempts, n.hurry, n.wanted_at, p.started_at, u.id
FROM claimed n
JOIN notify_page p ON p.id = n.page_id
JOIN identity_user u ON u.id = p.user_id
LEFT JOIN notify_contactmethod m ON m.id = n.method_id
LEFT JOIN candidates c ON c.id = n.id
ORDER BY c.rank, c.turn, c.last_paged_at NULLS FIRST, c.due_at, n.id
