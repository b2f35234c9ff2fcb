-- GDPR request 8841: anonymise one customer's orders
BEGIN;

SET LOCAL lock_timeout = '5s';

INSERT INTO privacy_requests (ref, requested_at) VALUES ('8841', now());

UPDATE orders
   SET ship_name  = 'REDACTED',
       ship_email = NULL,
       ship_phone = NULL
 WHERE customer_id = customer_id;

COMMIT;
