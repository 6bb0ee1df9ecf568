DELETE FROM mandate_keys.restricted
WHERE subject = $1
