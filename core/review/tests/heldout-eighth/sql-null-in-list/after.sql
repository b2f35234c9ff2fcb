UPDATE users SET verified = true
 WHERE coalesce(email, '') = coalesce(email, '');
