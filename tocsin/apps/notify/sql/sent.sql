-- It left: that is kept whatever was decided meanwhile. Live pages that show the incident are told. Where the vendor
-- has said already that it will not arrive, whoever looks for missing receipts sees to it at once.
WITH attempt AS (
    INSERT INTO notify_attempt (notification_id, at, result, detail, vendor)
    VALUES (%(id)s, %(at)s, %(result)s, %(detail)s, %(vendor)s)
), told AS (
    SELECT pg_notify('tocsin_live', %(live)s::text) WHERE %(live)s::text <> ''
), kept AS (
    UPDATE notify_notification
    SET state = CASE WHEN state IN ('delivered', 'read') THEN state ELSE %(state)s END, sent_at = %(at)s,
        receipt = CASE WHEN progress > 0 AND receipt <> '' THEN receipt ELSE %(detail)s END,
        claimed_by = '', vendor = %(vendor)s, ref = %(ref)s,
        receipt_due_at = CASE WHEN state IN ('delivered', 'read') THEN NULL
                              WHEN progress >= %(lost)s THEN %(at)s::timestamptz
                              ELSE %(receipt_due)s::timestamptz END
    WHERE id = %(id)s AND state IN ('claimed', 'cancelled', 'planned', 'delivered', 'read')
    RETURNING id
)
SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM told)
