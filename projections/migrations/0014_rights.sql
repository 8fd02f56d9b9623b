-- Accounts and API keys as the log has them, in the transaction of their events: a key is valid from the answer that
-- shows it and refused from the answer that revokes it, however far the read model is behind.

CREATE TABLE rollcall.accounts (
    account_id uuid        PRIMARY KEY,
    name       text        NOT NULL,
    timezone   text        NOT NULL,
    country    text        NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE rollcall.api_keys (
    key_id        text        PRIMARY KEY,
    account_id    uuid        NOT NULL,
    name          text        NOT NULL,
    kind          text        NOT NULL,
    secret_sha256 bytea       NOT NULL UNIQUE,
    created_at    timestamptz NOT NULL
);
CREATE INDEX api_keys_age ON rollcall.api_keys (account_id, created_at, key_id);

DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['accounts', 'api_keys'] LOOP
        EXECUTE format('ALTER TABLE rollcall.%I ENABLE ROW LEVEL SECURITY', each);
        EXECUTE format('CREATE POLICY own_account ON rollcall.%I TO rollcall_api '
                       'USING (account_id = (SELECT rollcall.current_account()))', each);
        EXECUTE format('CREATE POLICY every_account ON rollcall.%I TO rollcall_worker USING (true)', each);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON rollcall.%I TO rollcall_api, rollcall_worker', each);
    END LOOP;
END $$;

-- Brings one event into the two tables.
CREATE FUNCTION rollcall.keep_right(account uuid, topic text, state bytea) RETURNS void
    LANGUAGE plpgsql SET search_path = rollcall, pg_temp
    AS $$
    DECLARE
        event jsonb := convert_from(state, 'UTF8')::jsonb;
    BEGIN
        CASE topic
            WHEN 'rollcall.account.created' THEN
                INSERT INTO accounts (account_id, name, timezone, country, created_at)
                VALUES (account, event->>'name', event->>'timezone', event->>'country',
                        (event->>'recorded_at')::timestamptz);
            WHEN 'rollcall.account.api_key_created' THEN
                INSERT INTO api_keys (key_id, account_id, name, kind, secret_sha256, created_at)
                VALUES (event->>'key_id', account, event->>'name', event->>'kind',
                        decode(event->>'secret_sha256', 'hex'), (event->>'recorded_at')::timestamptz);
            WHEN 'rollcall.account.api_key_revoked' THEN
                DELETE FROM api_keys k WHERE k.account_id = account AND k.key_id = event->>'key_id';
        END CASE;
    END $$;

CREATE FUNCTION rollcall.keep_new_right() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        PERFORM rollcall.keep_right(new.account_id, new.topic, new.state);
        RETURN NULL;
    END $$;

-- The events of the past, read while writers go on, then those that came meanwhile, while the log is locked.
DO $$
DECLARE
    kept   bigint := 0;
    head   bigint;
    locked boolean;
BEGIN
    FOREACH locked IN ARRAY ARRAY[false, true] LOOP
        IF locked THEN
            PERFORM pg_advisory_xact_lock(7305466);
        END IF;
        head := rollcall.log_head();
        PERFORM rollcall.keep_right(e.account_id, e.topic, e.state)
        FROM (SELECT account_id, topic, state
              FROM rollcall.stored_events
              WHERE notification_id > kept AND notification_id <= head
                AND topic IN ('rollcall.account.created', 'rollcall.account.api_key_created',
                              'rollcall.account.api_key_revoked')
              ORDER BY notification_id) AS e;
        kept := head;
    END LOOP;
END $$;

-- A trigger, not a statement of the writer: during an upgrade processes of the version before still write events,
-- and a revocation that one of them stores must hold too.
CREATE TRIGGER keep_rights AFTER INSERT ON rollcall.stored_events FOR EACH ROW
    WHEN (new.topic IN ('rollcall.account.created', 'rollcall.account.api_key_created',
                        'rollcall.account.api_key_revoked'))
    EXECUTE FUNCTION rollcall.keep_new_right();

CREATE OR REPLACE FUNCTION rollcall.authenticate(secret_hash bytea)
    RETURNS TABLE (account_id uuid, key_id text, kind text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$ SELECT k.account_id, k.key_id, k.kind FROM api_keys k WHERE k.secret_sha256 = secret_hash $$;
