-- A one-time link is shown before it is used, and attempts to sign in are counted by network too.

-- Who may sign in by a one-time link; it stays as it is.
CREATE FUNCTION rollcall.person_of_link(secret_sha256 bytea, at timestamptz) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        SELECT p.name FROM sign_in_links l JOIN people p ON p.person_id = l.person_id
        WHERE l.token_sha256 = secret_sha256 AND l.expires_at > at
    $$;

-- An attempt that was counted by `begin_attempt` succeeded: it is no longer counted, but those before it are.
CREATE FUNCTION rollcall.withdraw_attempt(email text, at timestamptz, most integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        UPDATE sign_in_attempts a
        SET attempted_at = a.attempted_at[:p.place - 1] || a.attempted_at[p.place + 1:],
            refused_until = CASE WHEN cardinality(a.attempted_at) - 1 >= most THEN a.refused_until END
        FROM (SELECT array_position(b.attempted_at, at) AS place FROM sign_in_attempts b
              WHERE b.email_sha256 = email_sha256(email)) AS p
        WHERE a.email_sha256 = email_sha256(email) AND p.place IS NOT NULL
    $$;

DO $$
DECLARE
    each regprocedure;
BEGIN
    FOREACH each IN ARRAY ARRAY[
        'rollcall.person_of_link(bytea, timestamptz)', 'rollcall.withdraw_attempt(text, timestamptz, integer)'
    ]::regprocedure[] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rollcall_api', each);
    END LOOP;
END $$;
