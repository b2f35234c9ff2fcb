UPDATE users SET email = 'a@example.com' -- WHERE id = 3
;
