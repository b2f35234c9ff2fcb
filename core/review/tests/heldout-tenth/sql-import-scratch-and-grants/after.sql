-- 20261106_country_codes
BEGIN;

CREATE TEMP TABLE tmp_country_import (code char(2) PRIMARY KEY, name text NOT NULL) ON COMMIT PRESERVE ROWS;

INSERT INTO tmp_country_import (code, name) VALUES
    ('XK', 'Kosovo'),
    ('SS', 'South Sudan');

INSERT INTO countries (code, name)
SELECT code, name FROM tmp_country_import
ON CONFLICT (code) DO NOTHING;

DROP TABLE tmp_country_import;

REVOKE ALL ON countries FROM PUBLIC;
GRANT SELECT ON countries TO web_app;

COMMIT;
