-- Write many call-outs at once; the rows are locked by the caller.
UPDATE escalation_callout c
SET subject = v.subject::jsonb, snapshot = v.snapshot::jsonb, state = v.state::jsonb,
    status = v.status, due_at = v.due_at, generation = v.generation
FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::integer[]
) AS v (id, subject, snapshot, state, status, due_at, generation)
WHERE c.id = v.id
