INSERT INTO mandate_keys.restricted (subject, restricted_at)
VALUES ($1, $2)
ON CONFLICT (subject) DO NOTHING
