SELECT subject, wrapped
FROM subject_keys
WHERE subject > ?1
ORDER BY subject
LIMIT ?2
