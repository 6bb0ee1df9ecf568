UPDATE subject_keys
SET wrapped = ?2
WHERE subject = ?1
