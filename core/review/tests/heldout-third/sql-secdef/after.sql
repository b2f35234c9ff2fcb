CREATE OR REPLACE FUNCTION pay(n int) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ UPDATE balances SET amount = amount + n $$;
