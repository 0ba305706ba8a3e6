-- These, in whatever state they are, as `jobs` reads them.
WITH claimed AS (SELECT * FROM notify_notification WHERE id = ANY(%(ids)s))
