GRANT ledger_owner TO reporting;
