-- When what left, or is leaving, over these channels (for vendors' limits).
SELECT via, coalesce(sent_at, claimed_at) AS at
FROM notify_notification
WHERE via = ANY(%(ways)s) AND sent_at > %(since)s
UNION ALL
SELECT via, claimed_at FROM notify_notification WHERE state = 'claimed' AND sent_at IS NULL AND via = ANY(%(ways)s)
ORDER BY at
