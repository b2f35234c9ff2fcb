UPDATE accounts SET status = 'closed';
