-- Quarterly refresh of the postal code table from the delivered file.

BEGIN;

DROP TABLE IF EXISTS pg_temp.incoming_postcodes;

CREATE TEMPORARY TABLE incoming_postcodes (
    country  char(2) NOT NULL,
    postcode text    NOT NULL,
    city     text    NOT NULL,
    lat      numeric(8, 5),
    lon      numeric(8, 5)
) ON COMMIT DROP;

COPY incoming_postcodes FROM '/srv/import/postcodes_2026q1.csv' WITH (FORMAT csv, HEADER true);

DELETE FROM incoming_postcodes WHERE city = '';

DO $$
BEGIN
    IF (SELECT count(*) FROM incoming_postcodes) < 400000 THEN
        RAISE EXCEPTION 'file looks truncated';
    END IF;
END
$$;

INSERT INTO geo.postcodes AS g (country, postcode, city, lat, lon)
SELECT country, postcode, min(city), avg(lat), avg(lon)
FROM incoming_postcodes
GROUP BY country, postcode
ON CONFLICT (country, postcode) DO UPDATE
SET city = EXCLUDED.city,
    lat  = EXCLUDED.lat,
    lon  = EXCLUDED.lon;

TRUNCATE incoming_postcodes;
DROP TABLE incoming_postcodes;

COMMIT;
