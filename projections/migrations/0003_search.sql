-- Searching customers by index: PostgreSQL does not let a text-search operator near a table under
-- row-level security (it might leak what it sees through an error), so that the API's own queries
-- would read every customer of the account. This function looks on its behalf, at the account of
-- the transaction and no other; what it returns is read again under row-level security.

-- The numbers of the customers of this transaction's account that match, newest first; all of them
-- where `most` is NULL. Its body is looked up in the read model at the time of the call.
CREATE FUNCTION rollcall.customers_found(wanted tsquery, before bigint, most integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = rollcall_model, pg_temp
    AS $$
    BEGIN
        RETURN QUERY
            SELECT c.customer_no
            FROM customers c
            WHERE c.account_id = rollcall.current_account()
              AND c.search @@ wanted
              AND (before IS NULL OR c.customer_no < before)
            ORDER BY c.customer_no DESC
            LIMIT most;
    END $$;
REVOKE EXECUTE ON FUNCTION rollcall.customers_found FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.customers_found TO rollcall_api;
