SELECT position FROM events WHERE position < 1
UNION ALL
SELECT position FROM events WHERE position > (SELECT position FROM head WHERE id = 1)
LIMIT 1
