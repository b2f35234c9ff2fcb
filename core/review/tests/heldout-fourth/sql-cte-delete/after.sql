-- Count what the clean-up would take.
WITH stale AS (
  DELETE FROM invoices
  RETURNING id, customer_id
)
SELECT customer_id, count(*)
  FROM stale
 GROUP BY customer_id
 ORDER BY 2 DESC;
