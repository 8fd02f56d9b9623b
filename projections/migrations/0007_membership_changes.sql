-- Every change of what readers see of a segment, in the order in which they saw it: the outbox of the
-- topic rollcall.memberships.v1, and GET /v1/segments/{id}/changes. Written by the live projection worker
-- in the transaction that changes the members, never by a rebuild, which shows nobody anything new.
-- Customers and segments stand by number, which is the log position of their first event.

CREATE TABLE rollcall.membership_changes (
    change_no   bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id  uuid        NOT NULL,
    segment_no  bigint      NOT NULL,
    version_no  bigint      NOT NULL,
    customer_no bigint      NOT NULL,
    position    bigint      NOT NULL,
    at          timestamptz NOT NULL,
    joined      boolean     NOT NULL,
    cause       text        NOT NULL
);
CREATE INDEX membership_changes_segment ON rollcall.membership_changes (segment_no, change_no);
ALTER TABLE rollcall.membership_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.membership_changes FOR SELECT TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.membership_changes TO rollcall_worker USING (true);
GRANT SELECT ON rollcall.membership_changes TO rollcall_api;
GRANT SELECT, INSERT ON rollcall.membership_changes TO rollcall_worker;

-- How far they were published; its lock is what lets one process at a time publish.
CREATE TABLE rollcall.published_changes (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    change_no bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
INSERT INTO rollcall.published_changes DEFAULT VALUES;
ALTER TABLE rollcall.published_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.published_changes TO rollcall_worker USING (true);
GRANT SELECT, UPDATE ON rollcall.published_changes TO rollcall_worker;
