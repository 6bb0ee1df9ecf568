DELETE FROM mandate_keys.subject_keys
WHERE subject = $1
