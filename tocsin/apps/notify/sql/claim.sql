-- Take up to `batch` due messages. High before low and first pages before repeats (rank); then one message of each
-- person before anybody's second; then whoever was paged longest ago.
-- Of what is due to one person over one way for one call-out, as after an outage, one leaves and the rest never does.
-- Looked for only beside what is taken, so that it costs nothing per waiting message. Quiet words are all said.
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
), placed AS (
    SELECT n.id, p.call_out_id, p.user_id, p.kind, n.via, n.address,
           row_number() OVER (
               PARTITION BY p.call_out_id, p.user_id, p.kind, n.via, n.address
               ORDER BY n.rank, p.id DESC, n.due_at, n.id
           ) AS place,
           p.call_out_id IS NOT NULL AND p.kind IN ('page', 'stakeholder') AS alone
    FROM chosen
    JOIN notify_notification n ON n.id = chosen.id
    JOIN notify_page p ON p.id = n.page_id
), late AS (
    SELECT n.id
    FROM placed
    JOIN notify_page p ON p.call_out_id = placed.call_out_id AND p.user_id = placed.user_id
        AND p.kind = placed.kind AND p.ended_at IS NULL
    JOIN notify_notification n ON n.page_id = p.id AND n.via = placed.via AND n.address = placed.address
    WHERE placed.alone AND placed.place = 1
      AND n.state = 'planned' AND n.due_at <= %(now)s AND n.id <> placed.id
    FOR UPDATE OF n SKIP LOCKED
), spared AS (
    UPDATE notify_notification n
    SET state = 'suppressed', reason = left(n.reason || '; not sent: one message for the backlog', 512)
    FROM late
    WHERE n.id = late.id
), claimed AS (
    UPDATE notify_notification n
    SET state = 'claimed', claimed_by = %(worker)s, claimed_at = clock_timestamp(), attempts = n.attempts + 1
    FROM placed
    WHERE n.id = placed.id AND (placed.place = 1 OR NOT placed.alone)
    RETURNING n.*
)
SELECT n.id, n.page_id, p.call_out_id, p.incident_id, n.key, n.method_id, n.via, n.address,
       coalesce(m.config, '{}'), u.email, coalesce(nullif(u.name, ''), u.email), p.kind, p.urgency,
       p.subject, p.reason, p.headline, n.attempts, n.hurry, n.wanted_at, p.started_at, p.more, u.id
FROM claimed n
JOIN notify_page p ON p.id = n.page_id
JOIN identity_user u ON u.id = p.user_id
LEFT JOIN notify_contactmethod m ON m.id = n.method_id
LEFT JOIN candidates c ON c.id = n.id
ORDER BY c.rank, c.turn, c.last_paged_at NULLS FIRST, c.due_at, n.id
