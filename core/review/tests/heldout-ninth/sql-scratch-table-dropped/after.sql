BEGIN;

CREATE TEMP TABLE rates_in (
    currency char(3) NOT NULL,
    valid_on date NOT NULL,
    rate numeric(18, 8) NOT NULL CHECK (rate > 0)
) ON COMMIT DROP;

INSERT INTO rates_in (currency, valid_on, rate)
VALUES ('CHF', '2026-11-20', 0.93170000),
       ('SEK', '2026-11-20', 11.48250000),
       ('NOK', '2026-11-20', 11.73900000);

INSERT INTO exchange_rates (currency, valid_on, rate)
SELECT currency, valid_on, rate FROM rates_in
ON CONFLICT (currency, valid_on) DO NOTHING;

TRUNCATE pg_temp.rates_in;
DROP TABLE pg_temp.rates_in;

COMMIT;
