INSERT INTO subject_keys (subject, wrapped, created_at)
SELECT ?1, ?2, ?3
WHERE NOT EXISTS (SELECT 1 FROM erased WHERE subject = ?1)
