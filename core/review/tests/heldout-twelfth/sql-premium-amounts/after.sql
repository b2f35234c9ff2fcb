-- premiums: lighter column types for the reporting export
BEGIN;

SET LOCAL statement_timeout = '30min';

ALTER TABLE policy.premiums
    ALTER COLUMN currency TYPE varchar(3);

-- amount is numeric(14,2); the export needs an integer
ALTER TABLE policy.premiums
    ALTER COLUMN amount TYPE integer USING amount::integer;

ALTER TABLE policy.premiums
    ALTER COLUMN note SET DEFAULT '';

CREATE INDEX premiums_due_on ON policy.premiums (due_on);

COMMENT ON COLUMN policy.premiums.amount IS 'gross premium';

COMMIT;
