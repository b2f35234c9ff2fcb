-- 2025_08_12_dormant_accounts.sql
-- Mark accounts found by the yearly dormancy review.
BEGIN;

SET LOCAL lock_timeout = '5s';

CREATE TEMP TABLE dormant (
    account_id  bigint PRIMARY KEY,
    last_seen   date   NOT NULL
) ON COMMIT DROP;

INSERT INTO dormant (account_id, last_seen)
SELECT t.account_id, max(t.booked_on)
FROM   ledger.transactions t
GROUP  BY t.account_id
HAVING max(t.booked_on) < current_date - interval '10 years';

UPDATE ledger.accounts a
SET    status     = 'dormant',
       closed_on  = current_date,
       updated_at = now()
FROM   dormant d
WHERE  d.last_seen < current_date - interval '10 years'
  AND  a.status <> 'dormant';

INSERT INTO ledger.status_changes (account_id, new_status, changed_at, reason)
SELECT d.account_id, 'dormant', now(), 'dormancy review 2025'
FROM   dormant d;

COMMIT;
