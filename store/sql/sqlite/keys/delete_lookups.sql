DELETE FROM lookups
WHERE subject = ?1
