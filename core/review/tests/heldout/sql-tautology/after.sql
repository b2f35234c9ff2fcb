DELETE FROM sessions WHERE 1 = 1;
