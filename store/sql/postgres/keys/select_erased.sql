SELECT subject
FROM mandate_keys.erased
ORDER BY subject
LIMIT 10000000
