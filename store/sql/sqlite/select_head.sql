SELECT position, recorded_at
FROM head
WHERE id = 1
