-- Take these. One that an acknowledgement has in hand just now is left to it.
WITH free AS (
    SELECT id FROM notify_notification WHERE id = ANY(%(ids)s) AND state = 'planned' FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE notify_notification n
    SET state = 'claimed', claimed_by = %(worker)s, claimed_at = clock_timestamp(), attempts = n.attempts + 1,
        progress = 0, receipt_due_at = NULL
    FROM free
    WHERE n.id = free.id
    RETURNING n.*
)
