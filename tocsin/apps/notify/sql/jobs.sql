-- Messages with all that their channels need.
SELECT n.id, n.page_id, p.call_out_id, p.incident_id, n.key, n.method_id, n.via, n.address,
       coalesce(m.config, '{}'), coalesce(u.email, ''), coalesce(nullif(u.name, ''), u.email, ''), p.kind, p.urgency,
       p.subject, p.reason, p.headline, n.attempts, n.hurry, n.wanted_at, p.started_at, p.more, n.person, p.generation,
       EXISTS (SELECT 1 FROM notify_notification c WHERE c.carried_by_id = n.id AND c.state = 'bundled'),
       CASE WHEN n.attempts > 1 THEN
           (SELECT coalesce(array_agg(DISTINCT a.vendor), '{}') FROM notify_attempt a
            WHERE a.notification_id = n.id AND a.result = 'lost' AND a.vendor <> '') END,
       n.rank
FROM claimed n
JOIN notify_page p ON p.id = n.page_id
LEFT JOIN identity_user u ON u.id = p.user_id
LEFT JOIN notify_contactmethod m ON m.id = n.method_id
