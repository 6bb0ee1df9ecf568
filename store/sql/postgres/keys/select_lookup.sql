SELECT subject
FROM mandate_keys.lookups
WHERE digest = $1
ORDER BY position DESC
LIMIT $2
