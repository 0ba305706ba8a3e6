-- What the queue knows of due messages, for each of the statements that find some. `says`: what identical messages have alike.
SELECT n.id, n.rank, n.due_at, n.wanted_at, n.person, p.kind, n.via, n.address, coalesce(p.subject->>'service', ''),
       coalesce(p.incident_id, 0), n.page_id,
       CASE WHEN p.call_out_id IS NOT NULL AND p.kind IN ('page', 'stakeholder') THEN p.call_out_id::text
            ELSE md5(concat_ws('|', p.key, p.call_out_id, p.step, p.headline, p.reason, p.more,
                               p.subject->>'title')) END,
       n.hurry, p.bundle, r.last_paged_at, s.last_paged_at
FROM found n
JOIN notify_page p ON p.id = n.page_id
LEFT JOIN notify_reached r ON r.user_id = n.person
LEFT JOIN notify_served s ON s.service = p.subject->>'service'
