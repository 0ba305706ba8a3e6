-- What may leave together with what was picked from a long queue: the same incidents' and words', and the same
-- people's repeats, the oldest of each. Each part goes from page to message, never through the queue (OFFSET 0).
WITH pages AS (
    SELECT p.id
    FROM unnest(%(incidents)s::bigint[]) AS about(incident)
    CROSS JOIN LATERAL (
        SELECT p.id, p.user_id, p.ended_at FROM notify_page p WHERE p.incident_id = about.incident OFFSET 0
    ) AS p
    WHERE p.ended_at IS NULL AND p.user_id = ANY(%(people)s)
    UNION
    SELECT p.id
    FROM notify_page p
    WHERE p.bundle = ANY(%(words)s) AND p.bundle <> '' AND p.user_id = ANY(%(people)s)
), found AS (
    SELECT n.*
    FROM pages
    CROSS JOIN LATERAL (
        SELECT n.id, n.rank, n.due_at, n.wanted_at, n.person, n.via, n.address, n.page_id, n.hurry
        FROM notify_notification n
        WHERE n.page_id = pages.id AND n.state = 'planned'
        OFFSET 0
    ) AS n
    WHERE n.due_at <= %(now)s
    UNION
    SELECT one.*
    FROM unnest(%(repeated)s::bigint[]) AS who(person)
    CROSS JOIN (VALUES (1), (3)) AS ranks(rank)
    CROSS JOIN LATERAL (
        SELECT n.id, n.rank, n.due_at, n.wanted_at, n.person, n.via, n.address, n.page_id, n.hurry
        FROM notify_notification n
        WHERE n.state = 'planned' AND n.rank = ranks.rank AND n.person = who.person AND n.due_at <= %(now)s
        ORDER BY n.due_at
        LIMIT 50
    ) AS one
)
