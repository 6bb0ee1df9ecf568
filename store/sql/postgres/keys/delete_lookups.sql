DELETE FROM mandate_keys.lookups
WHERE subject = $1
