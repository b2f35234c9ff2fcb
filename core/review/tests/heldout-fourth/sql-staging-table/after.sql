BEGIN;
CREATE TEMPORARY TABLE staging_prices (sku text PRIMARY KEY, cents integer NOT NULL) ON COMMIT DROP;
INSERT INTO staging_prices VALUES ('A-100', 1990), ('A-101', 2490);

UPDATE prices p
   SET cents = s.cents
  FROM staging_prices s
 WHERE p.sku = s.sku
   AND p.cents IS DISTINCT FROM s.cents;

DROP TABLE staging_prices;
COMMIT;
