INSERT INTO mandate_keys.subject_keys (subject, wrapped, created_at)
SELECT subject, wrapped, $3
FROM unnest($1::text[], $2::bytea[]) AS made (subject, wrapped)
WHERE NOT EXISTS (SELECT 1 FROM mandate_keys.erased WHERE erased.subject = made.subject)
ON CONFLICT (subject) DO NOTHING
