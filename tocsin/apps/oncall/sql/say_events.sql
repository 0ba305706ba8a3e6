-- What calendars are told from now on: new and changed events, those that vanished, and those to forget.
-- An event counts its sequence up only when it changes, so two readers of one change count once.
WITH gone AS (
    UPDATE oncall_feedevent SET gone_at = %(now)s, changed_at = %(now)s, sequence = sequence + 1
    WHERE uid = ANY(%(gone)s) AND gone_at IS NULL
    RETURNING uid, sequence, changed_at
), forgotten AS (
    DELETE FROM oncall_feedevent WHERE uid = ANY(%(forgotten)s)
), said AS (
    INSERT INTO oncall_feedevent AS known
        (uid, schedule, email, digest, start, "end", summary, sequence, changed_at, gone_at)
    SELECT uid, schedule, email, digest, start, "end", summary, 0, %(now)s, NULL
    FROM unnest(
        %(uid)s::text[], %(schedule)s::text[], %(email)s::text[], %(digest)s::text[],
        %(start)s::timestamptz[], %(end)s::timestamptz[], %(summary)s::text[]
    ) AS event (uid, schedule, email, digest, start, "end", summary)
    ON CONFLICT (uid) DO UPDATE SET
        digest = excluded.digest, start = excluded.start, "end" = excluded."end", summary = excluded.summary,
        sequence = known.sequence + 1, changed_at = excluded.changed_at, gone_at = NULL
    WHERE known.digest <> excluded.digest OR known.gone_at IS NOT NULL
    RETURNING uid, sequence, changed_at
)
SELECT uid, sequence, changed_at FROM gone UNION ALL SELECT uid, sequence, changed_at FROM said
