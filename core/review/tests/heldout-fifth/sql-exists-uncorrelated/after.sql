DELETE FROM sessions s
WHERE EXISTS (SELECT 1 FROM users u WHERE u.disabled_at IS NOT NULL);
