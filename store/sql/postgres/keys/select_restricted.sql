SELECT subject
FROM mandate_keys.restricted
ORDER BY subject
LIMIT 10000000
