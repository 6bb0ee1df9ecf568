UPDATE mandate_keys.subject_keys AS k
SET wrapped = made.wrapped
FROM unnest($1::text[], $2::bytea[]) AS made (subject, wrapped)
WHERE k.subject = made.subject
