-- Close the carts of customers who left.
BEGIN;
SET LOCAL statement_timeout = '30s';

UPDATE carts
   SET status = 'closed', closed_at = now()
  FROM customers c
 WHERE c.left_at IS NOT NULL;

COMMIT;
