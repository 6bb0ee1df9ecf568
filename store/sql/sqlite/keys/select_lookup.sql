SELECT subject
FROM lookups
WHERE digest = ?1
ORDER BY position DESC
LIMIT ?2
