INSERT INTO mandate_keys.subject_keys (subject, wrapped, created_at)
SELECT subject, wrapped, $3
FROM unnest($1::text[], $2::bytea[]) AS made (subject, wrapped)
ON CONFLICT (subject) DO NOTHING
