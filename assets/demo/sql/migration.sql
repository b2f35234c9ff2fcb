-- 0047: retire the plan "Starter (2023)" and move its customers to "Starter".
-- The price rises from 19.00 to 24.00; customers were told on 1 September and keep the old price for three months.

CREATE TABLE plan_changes (
    id              INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    from_plan_id    INTEGER NOT NULL REFERENCES plans (id),
    to_plan_id      INTEGER NOT NULL REFERENCES plans (id),
    changed_at      TEXT NOT NULL,
    reason          TEXT NOT NULL
);

INSERT INTO plan_changes (subscription_id, from_plan_id, to_plan_id, changed_at, reason)
SELECT id, plan_id, 2, '2026-11-20T00:00:00Z', 'plan retired'
FROM subscriptions
WHERE plan_id = 1
  AND status IN ('trialing', 'active', 'past_due', 'paused');

ALTER TABLE subscriptions ADD COLUMN price_held_until TEXT;

UPDATE subscriptions
SET price_held_until = '2027-02-20T00:00:00Z',
    discount_cents = discount_cents + 500
WHERE plan_id = 1
  AND status <> 'cancelled';

UPDATE subscriptions
SET plan_id = 2,
    status = 'active',
    cancelled_at = NULL;

CREATE INDEX plan_changes_by_subscription ON plan_changes (subscription_id);

DROP INDEX subscriptions_by_customer;
CREATE INDEX subscriptions_by_customer ON subscriptions (customer_id, status);
