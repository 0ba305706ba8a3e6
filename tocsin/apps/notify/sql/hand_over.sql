-- The last gate: this worker still holds the message, and nobody has ended its page, nor one that it speaks for. What
-- comes back may leave.
-- Need not be on disk: were it lost, the message would be in nobody's hands again, as after any crash just here.
UPDATE notify_notification n
SET handed_at = clock_timestamp()
FROM notify_page p
WHERE n.id = %(id)s AND n.claimed_by = %(worker)s AND n.state = 'claimed'
  AND p.id = n.page_id AND p.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM notify_page q WHERE q.id = ANY(%(pages)s) AND q.ended_at IS NOT NULL)
  AND (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
RETURNING n.id
