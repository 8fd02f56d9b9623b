-- An erasure reaches the rejected rows of imports by name too: a row whose number was invalid kept the erased name.

-- A name as it is compared: in any case, with one space for each run of them.
CREATE FUNCTION rollcall.folded_name(name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT btrim(regexp_replace(lower(normalize(name, NFKC)), '\s+', ' ', 'g')) $$;

-- What may be a whole name in a row: each cell, and each two beside each other (first and last name, in either order).
-- NUL, which jsonb cannot hold, is left out.
CREATE FUNCTION rollcall.names_in_row(cells bytea) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = rollcall, pg_temp
    AS $$
        SELECT array_agg(folded_name(possible.name))
        FROM (SELECT cell, lead(cell) OVER (ORDER BY place) AS following
              FROM jsonb_array_elements_text(
                       regexp_replace(convert_from(cells, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::jsonb)
                   WITH ORDINALITY AS c (cell, place)) AS pairs
        CROSS JOIN LATERAL (VALUES (cell), (cell || ' ' || following), (following || ' ' || cell)) AS possible (name)
        WHERE possible.name IS NOT NULL
    $$;

-- The names that were erased while an import runs, beside it until it ends: its later rows are not kept either.
CREATE TABLE rollcall.import_erased_names (
    import_id  uuid NOT NULL REFERENCES rollcall.imports ON DELETE CASCADE,
    name       text NOT NULL,
    account_id uuid NOT NULL,
    PRIMARY KEY (import_id, name)
);
ALTER TABLE rollcall.import_erased_names ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.import_erased_names TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.import_erased_names TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.import_erased_names TO rollcall_api, rollcall_worker;

-- Removes the rejected rows that hold the name of a customer who is erased. Called before `erase_customers`, which
-- removes the names from the log.
CREATE FUNCTION rollcall.erase_rows_by_name(ids uuid[], versions bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        names text[];
    BEGIN
        SELECT array_agg(DISTINCT folded_name(s.name)) INTO names
        FROM unnest(ids, versions) AS t (id, version)
        JOIN stored_events e ON e.originator_id = t.id AND e.originator_version < t.version
        CROSS JOIN LATERAL (SELECT convert_from(e.state, 'UTF8')::jsonb#>>'{values,name}' AS name) AS s
        WHERE e.account_id = current_account() AND e.topic = 'rollcall.customer.changed' AND folded_name(s.name) <> '';
        IF names IS NULL THEN
            RETURN;
        END IF;
        -- First the running imports, whose rows a chunk holds until it is stored: one decided before is decided again.
        UPDATE imports i SET erasures = erasures + 1
        WHERE i.account_id = current_account() AND i.state = 'running';
        INSERT INTO import_erased_names (import_id, name, account_id)
        SELECT i.import_id, n.name, i.account_id
        FROM imports i CROSS JOIN unnest(names) AS n (name)
        WHERE i.account_id = current_account() AND i.state = 'running'
        ON CONFLICT DO NOTHING;
        DELETE FROM import_errors r WHERE r.account_id = current_account() AND names_in_row(r.cells) && names;
    END $$;

DO $$
DECLARE
    each regprocedure;
BEGIN
    FOREACH each IN ARRAY ARRAY[
        'rollcall.folded_name(text)', 'rollcall.names_in_row(bytea)', 'rollcall.erase_rows_by_name(uuid[], bigint[])'
    ]::regprocedure[] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rollcall_api, rollcall_worker', each);
    END LOOP;
END $$;

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

-- As in 0005, but in turns: the oldest import of each account, then the second of each, so that none is behind a
-- hundred of another account.
CREATE OR REPLACE FUNCTION rollcall.running_imports() RETURNS TABLE (account_id uuid, import_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        SELECT t.account_id, t.import_id
        FROM (SELECT i.account_id, i.import_id, i.started_at,
                     row_number() OVER (PARTITION BY i.account_id ORDER BY i.started_at) AS turn
              FROM imports i WHERE i.state = 'running') AS t
        ORDER BY t.turn, t.started_at
        LIMIT 100
    $$;
