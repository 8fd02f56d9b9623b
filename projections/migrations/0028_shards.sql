-- Accounts are projected in shards, which the workers divide among themselves (deploy/docs/decisions/0035).

-- The shard of an account: the last six bits of its id, which are random.
CREATE FUNCTION rollcall.shard_of(account_id uuid) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN get_byte(uuid_send(account_id), 15) & 63;
GRANT EXECUTE ON FUNCTION rollcall.shard_of TO rollcall_api, rollcall_worker;

-- The events of one account after a position.
CREATE INDEX stored_events_account ON rollcall.stored_events (account_id, notification_id);

-- Up to which position of the log answers to each account include it: before its first event that is not projected.
-- The body is looked up in the read model at the time of the call, so a rebuild may replace it.
CREATE FUNCTION rollcall.positions_of(account_ids uuid[])
    RETURNS TABLE (account_id uuid, "position" bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = rollcall_model, rollcall, pg_temp
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        SELECT a.account_id, coalesce(e.notification_id - 1, log_head())
        FROM unnest(account_ids) AS a (account_id)
        JOIN shards s ON s.shard = shard_of(a.account_id)
        LEFT JOIN lagging_accounts l ON l.account_id = a.account_id
        LEFT JOIN LATERAL (SELECT notification_id
                           FROM stored_events
                           WHERE account_id = a.account_id AND notification_id > coalesce(l.position, s.position)
                           ORDER BY notification_id
                           LIMIT 1) AS e ON true;
    END $$;
REVOKE EXECUTE ON FUNCTION rollcall.positions_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rollcall.positions_of TO rollcall_api, rollcall_worker;

-- The processes that project. A worker whose row is gone can commit nothing any more. `renewed_at` is an instant of the
-- database's clock.
CREATE TABLE rollcall.workers (
    token      bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    renewed_at timestamptz NOT NULL
) WITH (fillfactor = 20);

-- Which worker may project which shard; none where `token` is NULL.
CREATE TABLE rollcall.shard_leases (
    shard integer PRIMARY KEY,
    token bigint REFERENCES rollcall.workers ON DELETE SET NULL
) WITH (fillfactor = 20);
INSERT INTO rollcall.shard_leases (shard) SELECT generate_series(0, 63);

ALTER TABLE rollcall.workers ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollcall.shard_leases ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.workers TO rollcall_worker USING (true);
CREATE POLICY every_account ON rollcall.shard_leases TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.workers TO rollcall_worker;
GRANT SELECT, UPDATE ON rollcall.shard_leases TO rollcall_worker;

-- One lease for everything: of the workers before shards, which stop here.
DROP TABLE rollcall.worker_lease;
-- They read it first, and get the error that says that their version is too old (see 0026).
CREATE VIEW rollcall.worker_lease AS
SELECT rollcall.refuse_earlier_version() AS token, to_timestamp(rollcall.refuse_earlier_version()) AS renewed_at;
GRANT SELECT ON rollcall.worker_lease TO rollcall_worker;
