-- One transaction at a time takes turns of these policies: in the order of their names, until it ends.
SELECT pg_advisory_xact_lock(hashtextextended('tocsin.turns.' || p.name, 0))
FROM (SELECT name FROM unnest(%s::text[]) AS names (name) ORDER BY name) AS p
