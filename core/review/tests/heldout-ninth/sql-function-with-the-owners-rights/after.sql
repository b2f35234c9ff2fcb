CREATE OR REPLACE FUNCTION reporting.run_report(report_sql text)
RETURNS SETOF json
LANGUAGE plpgsql
SECURITY DEFINER
AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT row_to_json(r) FROM (%s) AS r', report_sql);
END;
$$;

ALTER FUNCTION reporting.run_report(text) OWNER TO app_owner;

GRANT USAGE ON SCHEMA reporting TO PUBLIC;
GRANT EXECUTE ON FUNCTION reporting.run_report(text) TO PUBLIC;
