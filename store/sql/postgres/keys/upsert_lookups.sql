INSERT INTO mandate_keys.lookups (digest, subject, position)
SELECT DISTINCT ON (digest, subject) digest, subject, position
FROM unnest($1::bytea[], $2::text[], $3::bigint[]) AS stated (digest, subject, position)
ORDER BY digest, subject, position DESC
ON CONFLICT (digest, subject) DO UPDATE SET position = greatest(lookups.position, excluded.position)
