INSERT INTO checkpoints (size, frontier, note, signed_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (size) DO NOTHING
