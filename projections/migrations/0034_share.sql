-- Logins for BI tools and reverse ETL, each of which reads one account by the views of the schema `rollcall_share`
-- (deploy/docs/decisions/0046). The views are made with the read model (projections/share/views.sql).

-- `rollcall_share` may read the views, and every such login is a member of it. `rollcall_share_owner` owns them: it is
-- the role that row-level security holds to the account of the login. No login is a member of it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rollcall_share') THEN
        CREATE ROLE rollcall_share NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rollcall_share_owner') THEN
        CREATE ROLE rollcall_share_owner NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
    EXECUTE format('GRANT rollcall_share, rollcall_share_owner TO %I', current_user);
END $$;

-- `longest`: how long a transaction of the login may last.
CREATE TABLE rollcall.share_logins (
    login      text        PRIMARY KEY,
    account_id uuid        NOT NULL,
    longest    interval    NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE rollcall.share_logins ENABLE ROW LEVEL SECURITY;

-- The account of the login that asks, for policies on tables of the read model. It goes by the login alone, which no
-- session can change. A rebuild puts fresh tables in the place of these: a transaction whose snapshot is older than that
-- would find them empty, so it has to begin again. (The name of their schema, as the snapshot knows it, says so.)
CREATE FUNCTION rollcall.account_of_login(model_table regclass) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        account uuid;
    BEGIN
        PERFORM FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = model_table AND n.nspname <> 'rollcall_model_next';
        IF NOT FOUND THEN
            RAISE serialization_failure
                USING MESSAGE = 'the tables were rebuilt after this transaction began', HINT = 'Begin it again.';
        END IF;
        SELECT s.account_id INTO account FROM share_logins s WHERE s.login = session_user;
        IF account IS NULL THEN
            RAISE insufficient_privilege
                USING MESSAGE = format('%s is the login of no share', session_user),
                      HINT = 'Use one that `rollcall share create` made.';
        END IF;
        RETURN account;
    END $$;
REVOKE EXECUTE ON FUNCTION rollcall.account_of_login FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.account_of_login TO rollcall_share;

-- Ends the sessions of these logins that could hold up others, whatever they have set for themselves: those whose
-- transaction lasts too long, and those with an advisory lock, because Rollcall's own work goes by such locks.
CREATE FUNCTION rollcall.end_share_sessions() RETURNS TABLE (login text, reason text)
    LANGUAGE sql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        WITH ended AS MATERIALIZED (
            SELECT a.pid, s.login, CASE WHEN l.pid IS NULL THEN 'transaction_too_long' ELSE 'advisory_lock' END AS reason
            FROM share_logins s
            JOIN pg_catalog.pg_stat_activity a ON a.usename = s.login
            LEFT JOIN (SELECT DISTINCT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory') AS l ON l.pid = a.pid
            WHERE l.pid IS NOT NULL OR a.xact_start < clock_timestamp() - s.longest
        )
        SELECT e.login, e.reason FROM ended e WHERE pg_catalog.pg_terminate_backend(e.pid)
    $$;
REVOKE EXECUTE ON FUNCTION rollcall.end_share_sessions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.end_share_sessions TO rollcall_worker;
