-- Which projection worker may write. Its token is checked in each of its transactions, under the lock that they all
-- take first; a spare that takes over increments it. `renewed_at` is an instant of the database's clock.
CREATE TABLE rollcall.worker_lease (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    token      bigint      NOT NULL DEFAULT 0,
    renewed_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 20);
INSERT INTO rollcall.worker_lease DEFAULT VALUES;
ALTER TABLE rollcall.worker_lease ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.worker_lease TO rollcall_worker USING (true);
GRANT SELECT, UPDATE ON rollcall.worker_lease TO rollcall_worker;

-- What `/readyz` asks: how far the read model is behind, and whether the database can be written. Counts nothing, so
-- that a load balancer may ask every second.
CREATE FUNCTION rollcall.readiness()
    RETURNS TABLE (head bigint, "position" bigint, waiting_since timestamptz, writable boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = rollcall_model, rollcall, pg_temp
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        SELECT (SELECT coalesce(max(notification_id), 0) FROM stored_events),
               p.position,
               -- The first event that the read model does not hold yet.
               (SELECT (convert_from(e.state, 'UTF8')::json->>'recorded_at')::timestamptz
                FROM stored_events e WHERE e.notification_id > p.position ORDER BY e.notification_id LIMIT 1),
               NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean
        FROM projection p;
    END $$;
REVOKE EXECUTE ON FUNCTION rollcall.readiness FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.readiness TO rollcall_api, rollcall_worker;

-- Whose session this is; using it keeps it alive, where that can be written: a database that is read-only or whose disk
-- is full must still show the console.
CREATE OR REPLACE FUNCTION rollcall.session_of(secret_sha256 bytea, at timestamptz, idle interval, longest interval)
    RETURNS TABLE (account_id uuid, person_id uuid, name text, email text, by_link boolean, created_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = rollcall, pg_temp
    AS $$
    #variable_conflict use_column
    BEGIN
        IF NOT current_setting('transaction_read_only')::boolean AND EXISTS (
            SELECT FROM sessions s
            WHERE s.token_sha256 = secret_sha256 AND s.expires_at > at AND s.seen_at < at - interval '10 minutes'
        ) THEN
            BEGIN
                UPDATE sessions s
                SET seen_at = at, expires_at = least(at + idle, s.created_at + longest)
                WHERE s.token_sha256 = secret_sha256 AND s.expires_at > at AND s.seen_at < at - interval '10 minutes';
            EXCEPTION WHEN disk_full THEN
                RAISE WARNING 'a session is not extended: the disk is full';
            END;
        END IF;
        RETURN QUERY
        SELECT s.account_id, s.person_id, p.name, p.email, s.by_link, s.created_at
        FROM sessions s JOIN people p ON p.person_id = s.person_id
        WHERE s.token_sha256 = secret_sha256 AND s.expires_at > at;
    END $$;
