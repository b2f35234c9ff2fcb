SELECT id, status FROM orders WHERE created_at > now() - interval '1 day' LIMIT 100;
