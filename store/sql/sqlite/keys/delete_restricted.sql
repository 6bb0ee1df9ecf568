DELETE FROM restricted
WHERE subject = ?1
