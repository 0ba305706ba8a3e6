-- When what left, or is leaving, to these addresses (for contacts' limits).
SELECT via, address, coalesce(sent_at, claimed_at) AS at
FROM notify_notification
WHERE (via, address) IN (SELECT * FROM unnest(%(ways)s::text[], %(addresses)s::text[])) AND sent_at > %(since)s
UNION ALL
SELECT via, address, claimed_at FROM notify_notification WHERE state = 'claimed' AND sent_at IS NULL
ORDER BY at
