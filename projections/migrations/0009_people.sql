-- People who use the console, their sessions and one-time links: plain rows, not events, so that a password's hash
-- can be replaced and forgotten and an e-mail address erased. Of tokens only the SHA-256 is stored.

CREATE TABLE rollcall.people (
    person_id     uuid        PRIMARY KEY,
    account_id    uuid        NOT NULL,
    -- NULL for the one whom the first start makes, until she says who she is.
    email         text,
    name          text        NOT NULL,
    password_hash text,
    created_at    timestamptz NOT NULL
);
-- Over all accounts: who signs in gives an e-mail address and no account.
CREATE UNIQUE INDEX people_email ON rollcall.people (lower(email));
CREATE INDEX people_account ON rollcall.people (account_id, created_at, person_id);

-- `expires_at` moves on while the session is used, up to a limit. `by_link`: she came by a one-time link.
CREATE TABLE rollcall.sessions (
    token_sha256 bytea       PRIMARY KEY,
    account_id   uuid        NOT NULL,
    person_id    uuid        NOT NULL REFERENCES rollcall.people ON DELETE CASCADE,
    by_link      boolean     NOT NULL,
    created_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_person ON rollcall.sessions (person_id);
CREATE INDEX sessions_age ON rollcall.sessions (account_id, expires_at);

CREATE TABLE rollcall.sign_in_links (
    token_sha256 bytea       PRIMARY KEY,
    account_id   uuid        NOT NULL,
    person_id    uuid        NOT NULL REFERENCES rollcall.people ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sign_in_links_person ON rollcall.sign_in_links (person_id);
CREATE INDEX sign_in_links_age ON rollcall.sign_in_links (account_id, expires_at);

DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['people', 'sessions', 'sign_in_links'] LOOP
        EXECUTE format('ALTER TABLE rollcall.%I ENABLE ROW LEVEL SECURITY', each);
        EXECUTE format('CREATE POLICY own_account ON rollcall.%I TO rollcall_api '
                       'USING (account_id = (SELECT rollcall.current_account()))', each);
        EXECUTE format('CREATE POLICY every_account ON rollcall.%I TO rollcall_worker USING (true)', each);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.%I TO rollcall_api, rollcall_worker', each);
    END LOOP;
END $$;

-- Attempts to sign in that did not succeed (yet), by the SHA-256 of the address: it need not be anybody's, and may
-- be a password in the wrong field. Nobody reads this table; the two functions below are its only door.
CREATE TABLE rollcall.sign_in_attempts (
    email_sha256  bytea         PRIMARY KEY,
    attempted_at  timestamptz[] NOT NULL,
    refused_until timestamptz,
    forgotten_at  timestamptz   NOT NULL
);
CREATE INDEX sign_in_attempts_age ON rollcall.sign_in_attempts (forgotten_at);
ALTER TABLE rollcall.sign_in_attempts ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION rollcall.email_sha256(email text) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT sha256(convert_to(lower(email), 'UTF8')) $$;

-- Count an attempt before its password is looked at, so that many at once are no way round. Returns until when this
-- one is refused, or NULL where it may go on; after `most` of them within `window_length`, the next ones are refused.
CREATE FUNCTION rollcall.begin_attempt(email text, at timestamptz, most integer, window_length interval)
    RETURNS timestamptz
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        found sign_in_attempts;
    BEGIN
        DELETE FROM sign_in_attempts
        WHERE email_sha256 IN (SELECT a.email_sha256 FROM sign_in_attempts a
                               WHERE a.forgotten_at < at LIMIT 10 FOR UPDATE SKIP LOCKED);
        INSERT INTO sign_in_attempts VALUES (email_sha256(email), '{}', NULL, at + window_length)
        ON CONFLICT DO NOTHING;
        SELECT * INTO found FROM sign_in_attempts a WHERE a.email_sha256 = email_sha256(email) FOR UPDATE;
        IF found.refused_until > at THEN
            RETURN found.refused_until;
        END IF;
        found.attempted_at = ARRAY(SELECT t FROM unnest(found.attempted_at) AS t WHERE t > at - window_length) || at;
        UPDATE sign_in_attempts a
        SET attempted_at = found.attempted_at, forgotten_at = at + window_length,
            refused_until = CASE WHEN cardinality(found.attempted_at) >= most THEN at + window_length END
        WHERE a.email_sha256 = found.email_sha256;
        RETURN NULL;
    END $$;

-- The password was right: nothing is counted any more.
CREATE FUNCTION rollcall.forgive_attempts(email text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$ DELETE FROM sign_in_attempts a WHERE a.email_sha256 = email_sha256(email) $$;

-- What must be found before any account is known.

-- Whose session this is; using it keeps it alive. Written at most every ten minutes.
CREATE FUNCTION rollcall.session_of(secret_sha256 bytea, at timestamptz, idle interval, longest interval)
    RETURNS TABLE (account_id uuid, person_id uuid, name text, email text, by_link boolean, created_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    #variable_conflict use_column
    BEGIN
        UPDATE sessions s
        SET seen_at = at, expires_at = least(at + idle, s.created_at + longest)
        WHERE s.token_sha256 = secret_sha256 AND s.expires_at > at AND s.seen_at < at - interval '10 minutes';
        RETURN QUERY
        SELECT s.account_id, s.person_id, p.name, p.email, s.by_link, s.created_at
        FROM sessions s JOIN people p ON p.person_id = s.person_id
        WHERE s.token_sha256 = secret_sha256 AND s.expires_at > at;
    END $$;

-- Whose one-time link this is; from now on it is nobody's.
CREATE FUNCTION rollcall.use_sign_in_link(secret_sha256 bytea, at timestamptz)
    RETURNS TABLE (account_id uuid, person_id uuid, chooses_password boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        DELETE FROM sign_in_links l USING people p
        WHERE l.token_sha256 = secret_sha256 AND l.expires_at > at AND p.person_id = l.person_id
        RETURNING l.account_id, l.person_id, p.email IS NOT NULL AND p.password_hash IS NULL;
    END $$;

CREATE FUNCTION rollcall.person_of_email(wanted text)
    RETURNS TABLE (account_id uuid, person_id uuid, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$ SELECT p.account_id, p.person_id, p.password_hash FROM people p WHERE lower(p.email) = lower(wanted) $$;

DO $$
DECLARE
    each regprocedure;
BEGIN
    FOREACH each IN ARRAY ARRAY[
        'rollcall.begin_attempt(text, timestamptz, integer, interval)', 'rollcall.forgive_attempts(text)',
        'rollcall.session_of(bytea, timestamptz, interval, interval)',
        'rollcall.use_sign_in_link(bytea, timestamptz)', 'rollcall.person_of_email(text)'
    ]::regprocedure[] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rollcall_api', each);
    END LOOP;
END $$;
