SELECT subject, wrapped
FROM mandate_keys.subject_keys
WHERE subject = ANY($1)
LIMIT 100000
