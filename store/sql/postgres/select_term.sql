SELECT term
FROM head
WHERE id = 1
