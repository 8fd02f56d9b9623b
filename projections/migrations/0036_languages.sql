-- The language in which a person reads the console; NULL: the one that their browser asks for.
ALTER TABLE rollcall.people ADD COLUMN language text;

CREATE FUNCTION rollcall.reader_of_session(secret_sha256 bytea, at timestamptz, idle interval, longest interval)
    RETURNS TABLE (account_id uuid, person_id uuid, name text, email text, by_link boolean, created_at timestamptz,
                   language text)
    LANGUAGE sql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        SELECT h.account_id, h.person_id, h.name, h.email, h.by_link, h.created_at, p.language
        FROM holder_of_session(secret_sha256, at, idle, longest) AS h JOIN people p ON p.person_id = h.person_id
    $$;
REVOKE EXECUTE ON FUNCTION rollcall.reader_of_session FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.reader_of_session TO rollcall_api;
