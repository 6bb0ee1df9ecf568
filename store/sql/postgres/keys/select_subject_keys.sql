SELECT subject, wrapped
FROM mandate_keys.subject_keys
WHERE subject > $1
ORDER BY subject
LIMIT $2
