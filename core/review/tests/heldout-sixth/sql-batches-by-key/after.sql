DELETE FROM events
 WHERE id IN (
   SELECT id FROM events
    WHERE created_at < now() - interval '2 years'
    ORDER BY id
    LIMIT 1000
 );
