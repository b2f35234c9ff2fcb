UPDATE accounts SET status = 'closed' WHERE id = 4711;
