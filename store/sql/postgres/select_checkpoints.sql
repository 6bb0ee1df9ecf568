SELECT size, frontier, note, signed_at
FROM checkpoints
WHERE size <= $1
ORDER BY size DESC
LIMIT $2
