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
-- Customers whose part of a switch was appended before their step, because they joined or left after it.
CREATE TABLE rollcall.switched_customers (
    version_no  bigint REFERENCES rollcall.switches_to_append ON DELETE CASCADE,
    customer_no bigint,
    PRIMARY KEY (version_no, customer_no)
);
ALTER TABLE rollcall.switches_to_append ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollcall.switched_customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.switches_to_append TO rollcall_worker USING (true);
CREATE POLICY every_account ON rollcall.switched_customers TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.switches_to_append TO rollcall_worker;
GRANT SELECT, INSERT ON rollcall.switched_customers TO rollcall_worker;
