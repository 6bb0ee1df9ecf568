UPDATE head
SET position = ?1, recorded_at = ?2
WHERE id = 1
