-- Mark invoices as paid whose payment arrived last week.
BEGIN;

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

UPDATE invoices AS i
SET state = 'paid',
    paid_at = p.received_at,
    updated_at = now()
FROM payments AS p
WHERE p.state = 'settled'
  AND p.received_at >= date '2026-11-09'
  AND p.received_at < date '2026-11-16'
  AND i.state = 'open';

COMMIT;
