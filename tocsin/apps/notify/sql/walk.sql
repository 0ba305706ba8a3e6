-- More is due than the window holds: the two oldest of each person, whatever waits for others, so that nobody's page
-- stands behind a thousand of somebody else's. Goes from person to person by the index; costs nothing per message.
WITH RECURSIVE walk(rank, person, steps) AS (
    (SELECT n.rank, n.person, 1 FROM notify_notification n
     WHERE n.state = 'planned' ORDER BY n.rank, n.person LIMIT 1)
    UNION ALL
    SELECT next.rank, next.person, walk.steps + 1
    FROM walk
    CROSS JOIN LATERAL (
        SELECT n.rank, n.person FROM notify_notification n
        WHERE n.state = 'planned' AND (n.rank, n.person) > (walk.rank, walk.person)
        ORDER BY n.rank, n.person
        LIMIT 1
    ) AS next
    WHERE walk.steps < %(steps)s
), found AS (
    SELECT one.*
    FROM walk
    CROSS JOIN LATERAL (
        SELECT n.id, n.rank, n.due_at, n.wanted_at, n.person, n.via, n.address, n.page_id, n.hurry
        FROM notify_notification n
        WHERE n.state = 'planned' AND n.rank = walk.rank AND n.person = walk.person AND n.due_at <= %(now)s
        ORDER BY n.due_at
        LIMIT 2
    ) AS one
    LIMIT %(window)s
)
