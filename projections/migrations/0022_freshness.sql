-- How many changes became visible how long after they were published or received: by minute, for the Health page.
-- `counts` follows projections.records.freshness.BOUNDS; a row per door and account tier, kept for an hour. The whole
-- installation's, without anything of an account.
CREATE TABLE rollcall.freshness (
    minute timestamptz NOT NULL,
    door   text        NOT NULL,
    tier   text        NOT NULL,
    counts bigint[]    NOT NULL,
    PRIMARY KEY (minute, door, tier)
) WITH (fillfactor = 50);
ALTER TABLE rollcall.freshness ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.freshness TO rollcall_worker USING (true);
CREATE POLICY whole_installation ON rollcall.freshness FOR SELECT TO rollcall_api USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.freshness TO rollcall_worker;
GRANT SELECT ON rollcall.freshness TO rollcall_api;
