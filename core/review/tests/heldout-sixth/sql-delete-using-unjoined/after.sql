DELETE FROM accounts a
 USING merchants m
 WHERE m.status = 'closed';
