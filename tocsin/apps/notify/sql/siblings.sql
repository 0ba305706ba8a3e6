-- What may leave together with what was picked from a long queue: the same incidents' and words', and the same
-- people's repeats, the oldest of each.
WITH found AS (
    SELECT n.id
    FROM notify_page p
    JOIN notify_notification n ON n.page_id = p.id
    WHERE p.incident_id = ANY(%(incidents)s) AND p.ended_at IS NULL AND n.person = ANY(%(people)s)
      AND n.state = 'planned' AND n.due_at <= %(now)s
    UNION
    SELECT n.id
    FROM notify_page p
    JOIN notify_notification n ON n.page_id = p.id
    WHERE p.bundle = ANY(%(words)s) AND p.bundle <> '' AND p.user_id = ANY(%(people)s)
      AND n.state = 'planned' AND n.due_at <= %(now)s
    UNION
    SELECT one.id
    FROM unnest(%(repeated)s::bigint[]) AS who(person)
    CROSS JOIN (VALUES (1), (3)) AS ranks(rank)
    CROSS JOIN LATERAL (
        SELECT n.id FROM notify_notification n
        WHERE n.state = 'planned' AND n.rank = ranks.rank AND n.person = who.person AND n.due_at <= %(now)s
        ORDER BY n.due_at
        LIMIT 50
    ) AS one
)
