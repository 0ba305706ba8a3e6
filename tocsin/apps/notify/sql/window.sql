-- The most pressing that are due: rank by rank, each by its due time. Stops as soon as it has enough.
WITH found AS (
    SELECT one.*
    FROM generate_series(0, 5) AS ranks(rank)
    CROSS JOIN LATERAL (
        SELECT n.id, n.rank, n.due_at, n.wanted_at, n.person, n.via, n.address, n.page_id, n.hurry
        FROM notify_notification n
        WHERE n.state = 'planned' AND n.rank = ranks.rank AND n.due_at <= %(now)s
        ORDER BY n.due_at
        LIMIT %(window)s
    ) AS one
    LIMIT %(window)s
)
