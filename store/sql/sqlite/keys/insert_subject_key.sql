INSERT INTO subject_keys (subject, wrapped, created_at)
VALUES (?1, ?2, ?3)
