-- It left: that is kept whatever was decided meanwhile. Live pages that show the incident are told.
WITH attempt AS (
    INSERT INTO notify_attempt (notification_id, at, result, detail, vendor)
    VALUES (%(id)s, %(at)s, %(result)s, %(detail)s, %(vendor)s)
), told AS (
    SELECT pg_notify('tocsin_live', %(live)s::text) WHERE %(live)s::text <> ''
), kept AS (
    UPDATE notify_notification
    SET state = %(state)s, sent_at = %(at)s, receipt = %(detail)s, claimed_by = '', vendor = %(vendor)s, ref = %(ref)s
    WHERE id = %(id)s AND state IN ('claimed', 'cancelled', 'planned')
    RETURNING id
)
SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM told)
