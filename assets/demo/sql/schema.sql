-- The throw-away database of this case: the tables of a billing service, with rows.

PRAGMA foreign_keys = ON;

CREATE TABLE plans (
    id            INTEGER PRIMARY KEY,
    code          TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    monthly_cents INTEGER NOT NULL CHECK (monthly_cents >= 0),
    retired_at    TEXT
);

CREATE TABLE customers (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL UNIQUE,
    country    TEXT NOT NULL,
    vat_number TEXT,
    created_at TEXT NOT NULL
);

CREATE TABLE subscriptions (
    id             INTEGER PRIMARY KEY,
    customer_id    INTEGER NOT NULL REFERENCES customers (id),
    plan_id        INTEGER NOT NULL REFERENCES plans (id),
    status         TEXT NOT NULL CHECK (status IN ('trialing', 'active', 'past_due', 'paused', 'cancelled')),
    started_at     TEXT NOT NULL,
    cancelled_at   TEXT,
    discount_cents INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE invoices (
    id              INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    number          TEXT NOT NULL UNIQUE,
    amount_cents    INTEGER NOT NULL,
    issued_at       TEXT NOT NULL,
    paid_at         TEXT
);

CREATE INDEX subscriptions_by_customer ON subscriptions (customer_id);
CREATE INDEX invoices_by_subscription ON invoices (subscription_id, issued_at);

INSERT INTO plans (id, code, name, monthly_cents, retired_at) VALUES
    (1, 'starter-2023', 'Starter (2023)', 1900, '2026-08-31T00:00:00Z'),
    (2, 'starter', 'Starter', 2400, NULL),
    (3, 'team', 'Team', 9900, NULL),
    (4, 'business', 'Business', 34900, NULL);

-- Four hundred customers, spread over countries and plans in a fixed pattern.
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
INSERT INTO customers (id, name, email, country, vat_number, created_at)
SELECT i,
       'Customer ' || printf('%04d', i),
       'billing+' || printf('%04d', i) || '@customer.example',
       CASE i % 5 WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' WHEN 2 THEN 'SE' WHEN 3 THEN 'NL' ELSE 'PL' END,
       CASE WHEN i % 3 = 0 THEN 'EU' || printf('%09d', i * 7919) END,
       date('2023-01-15', '+' || (i * 3) || ' days') || 'T09:00:00Z'
FROM n;

INSERT INTO subscriptions (id, customer_id, plan_id, status, started_at, cancelled_at, discount_cents)
SELECT id,
       id,
       CASE WHEN id % 4 = 1 THEN 1 WHEN id % 4 = 2 THEN 2 WHEN id % 8 = 3 THEN 4 ELSE 3 END,
       CASE WHEN id % 17 = 0 THEN 'cancelled' WHEN id % 11 = 0 THEN 'past_due' WHEN id % 23 = 0 THEN 'paused' ELSE 'active' END,
       created_at,
       CASE WHEN id % 17 = 0 THEN '2026-06-30T00:00:00Z' END,
       CASE WHEN id % 10 = 0 THEN 500 ELSE 0 END
FROM customers;

INSERT INTO invoices (subscription_id, number, amount_cents, issued_at, paid_at)
SELECT subscriptions.id,
       'INV-2026-' || printf('%06d', subscriptions.id),
       plans.monthly_cents - subscriptions.discount_cents,
       '2026-10-01T02:00:00Z',
       CASE WHEN subscriptions.status = 'past_due' THEN NULL ELSE '2026-10-03T11:20:00Z' END
FROM subscriptions
JOIN plans ON plans.id = subscriptions.plan_id
WHERE subscriptions.status <> 'cancelled';
