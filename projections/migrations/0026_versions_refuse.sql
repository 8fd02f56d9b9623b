-- Versions refuse each other (deploy/docs/decisions/0036). `refuse_earlier_version`, since 0025 the default of the
-- effective time, so that processes of the versions before append nothing, is also what their other ways in lead to. Its
-- SQLSTATE is one after which they wait and try again: they answer 503, or say its sentence in their log, until they
-- are replaced.

CREATE FUNCTION rollcall.refuse_earlier_writer() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        PERFORM rollcall.refuse_earlier_version();
        RETURN NULL;
    END $$;

-- Their worker begins by deleting old changes from what is a view since 0021. A trigger for each statement needs one
-- for each row beside it.
CREATE TRIGGER refuse_earlier_version BEFORE INSERT OR DELETE ON rollcall.membership_changes
    FOR EACH STATEMENT EXECUTE FUNCTION rollcall.refuse_earlier_writer();
CREATE TRIGGER refuse_earlier_rows INSTEAD OF INSERT OR DELETE ON rollcall.membership_changes
    FOR EACH ROW EXECUTE FUNCTION rollcall.refuse_earlier_writer();
GRANT INSERT, DELETE ON rollcall.membership_changes TO rollcall_worker;

-- Their API would read a read model that it does not know.
ALTER FUNCTION rollcall.authenticate(bytea) RENAME TO holder_of_key;
CREATE FUNCTION rollcall.authenticate(secret_hash bytea)
    RETURNS TABLE (account_id uuid, key_id text, kind text)
    LANGUAGE plpgsql
    AS $$ BEGIN PERFORM rollcall.refuse_earlier_version(); END $$;
ALTER FUNCTION rollcall.session_of(bytea, timestamptz, interval, interval) RENAME TO holder_of_session;
CREATE FUNCTION rollcall.session_of(secret_sha256 bytea, at timestamptz, idle interval, longest interval)
    RETURNS TABLE (account_id uuid, person_id uuid, name text, email text, by_link boolean, created_at timestamptz)
    LANGUAGE plpgsql
    AS $$ BEGIN PERFORM rollcall.refuse_earlier_version(); END $$;

-- Which migrations a database has, for processes that may not read their table: each looks whether it knows them all.
CREATE FUNCTION rollcall.applied_migrations() RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$ SELECT array_agg(name ORDER BY name) FROM migrations $$;
REVOKE EXECUTE ON FUNCTION rollcall.applied_migrations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.applied_migrations() TO rollcall_api, rollcall_worker;
