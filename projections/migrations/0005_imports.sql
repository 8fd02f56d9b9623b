-- CSV imports: the file, how far it is taken in, and its invalid rows. Any API process can go on with
-- one: a chunk's events, counts and `rows_done` move in one transaction.

CREATE TABLE rollcall.imports (
    import_id          uuid        PRIMARY KEY,
    account_id         uuid        NOT NULL,
    segment_id         uuid        NOT NULL,
    file_name          text        NOT NULL,
    state              text        NOT NULL DEFAULT 'running',
    failure_code       text,
    failure            text,
    started_at         timestamptz NOT NULL,
    finished_at        timestamptz,
    position           bigint      NOT NULL,
    percent            integer     NOT NULL DEFAULT 0,
    -- Rows after the header that are counted below; where a runner that takes over goes on.
    rows_done          bigint      NOT NULL DEFAULT 0,
    added              bigint      NOT NULL DEFAULT 0,
    already_members    bigint      NOT NULL DEFAULT 0,
    created_customers  bigint      NOT NULL DEFAULT 0,
    duplicates_in_file bigint      NOT NULL DEFAULT 0,
    blank              bigint      NOT NULL DEFAULT 0,
    invalid            bigint      NOT NULL DEFAULT 0,
    header             bytea,
    CHECK (rows_done = added + already_members + created_customers + duplicates_in_file + blank + invalid)
) WITH (fillfactor = 50);
CREATE INDEX imports_running ON rollcall.imports (started_at) WHERE state = 'running';
CREATE INDEX imports_age ON rollcall.imports (account_id, started_at);

-- The file in pieces, until it is taken in.
CREATE TABLE rollcall.import_files (
    import_id  uuid    NOT NULL REFERENCES rollcall.imports ON DELETE CASCADE,
    part       integer NOT NULL,
    account_id uuid    NOT NULL,
    content    bytea   NOT NULL,
    PRIMARY KEY (import_id, part)
);

-- Invalid rows as they were (a JSON list of cells), until they are swept.
CREATE TABLE rollcall.import_errors (
    import_id  uuid   NOT NULL REFERENCES rollcall.imports ON DELETE CASCADE,
    row_number bigint NOT NULL,
    account_id uuid   NOT NULL,
    cells      bytea  NOT NULL,
    code       text   NOT NULL,
    message    text   NOT NULL,
    PRIMARY KEY (import_id, row_number)
);

DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['imports', 'import_files', 'import_errors'] LOOP
        EXECUTE format('ALTER TABLE rollcall.%I ENABLE ROW LEVEL SECURITY', each);
        EXECUTE format('CREATE POLICY own_account ON rollcall.%I TO rollcall_api '
                       'USING (account_id = (SELECT rollcall.current_account()))', each);
        EXECUTE format('CREATE POLICY every_account ON rollcall.%I TO rollcall_worker USING (true)', each);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.%I TO rollcall_api, rollcall_worker', each);
    END LOOP;
END $$;

-- Which imports wait for a runner, over all accounts: their names, nothing in them.
CREATE FUNCTION rollcall.running_imports() RETURNS TABLE (account_id uuid, import_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
        SELECT i.account_id, i.import_id FROM imports i WHERE i.state = 'running' ORDER BY i.started_at LIMIT 100
    $$;
REVOKE EXECUTE ON FUNCTION rollcall.running_imports FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.running_imports TO rollcall_api;
