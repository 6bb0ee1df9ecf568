SELECT subject
FROM restricted
ORDER BY subject
LIMIT 10000000
