UPDATE accounts SET plan = 'free' WHERE id = 7 OR 1=1;
