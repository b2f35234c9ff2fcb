DELETE FROM sessions WHERE id IN (SELECT id FROM sessions);
