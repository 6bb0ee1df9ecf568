INSERT INTO lookups (digest, subject, position)
VALUES (?1, ?2, ?3)
ON CONFLICT (digest, subject) DO UPDATE SET position = excluded.position
