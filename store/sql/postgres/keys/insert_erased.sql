INSERT INTO mandate_keys.erased (subject, erased_at)
VALUES ($1, $2)
ON CONFLICT (subject) DO NOTHING
