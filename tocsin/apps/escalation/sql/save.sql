-- Write many call-outs at once; the rows are locked by the caller.
UPDATE escalation_callout c
SET subject = v.subject::jsonb, snapshot = v.snapshot::jsonb, state = v.state::jsonb,
    status = v.status, due_at = v.due_at
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
    AS v (id, subject, snapshot, state, status, due_at)
WHERE c.id = v.id
