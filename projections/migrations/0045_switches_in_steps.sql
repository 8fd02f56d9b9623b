-- A switch to another version of a segment is appended to the change stream in steps, one range of customers after the
-- other (deploy/docs/decisions/0065): those up to `appended_to` are in it. `position` is that of the switch.
CREATE TABLE rollcall.switches_to_append (
    version_no  bigint PRIMARY KEY,
    previous    bigint,
    account_id  uuid   NOT NULL,
    segment_no  bigint NOT NULL,
    position    bigint NOT NULL,
    appended_to bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
ALTER TABLE rollcall.switches_to_append ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.switches_to_append TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.switches_to_append TO rollcall_worker;
