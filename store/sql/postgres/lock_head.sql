SELECT position, recorded_at, frontier
FROM head
WHERE id = 1
FOR UPDATE
