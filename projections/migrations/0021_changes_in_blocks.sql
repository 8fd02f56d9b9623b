-- The stream of membership changes in blocks: a row holds the changes of one segment in one transaction, as arrays,
-- which costs half of a row for each. Numbers come from one row, whose lock is held to the end of the transaction: so
-- they have no gaps, and a reader that has read up to a number has missed nothing.

CREATE TABLE rollcall.last_membership_change (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    change_no bigint  NOT NULL
) WITH (fillfactor = 20);
INSERT INTO rollcall.last_membership_change (change_no)
SELECT greatest((SELECT max(change_no) FROM rollcall.membership_changes), f.change_no, p.change_no)
FROM rollcall.forgotten_changes f, rollcall.published_changes p;
ALTER TABLE rollcall.last_membership_change ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone_reads ON rollcall.last_membership_change FOR SELECT TO rollcall_api USING (true);
CREATE POLICY every_account ON rollcall.last_membership_change TO rollcall_worker USING (true);
GRANT SELECT ON rollcall.last_membership_change TO rollcall_api, rollcall_worker;
GRANT UPDATE ON rollcall.last_membership_change TO rollcall_worker;

-- Element i of each array belongs to change_nos[i], in ascending order. A batch is up to 10,000 changes that follow one
-- another, of one transaction; `batch_no` is its first number, `last_no` the last of this block.
-- `position` and `at` are the greatest of the block.
CREATE TABLE rollcall.membership_change_blocks (
    batch_no     bigint        NOT NULL,
    version_no   bigint        NOT NULL,
    segment_no   bigint        NOT NULL,
    account_id   uuid          NOT NULL,
    last_no      bigint        NOT NULL,
    position     bigint        NOT NULL,
    at           timestamptz   NOT NULL,
    change_nos   bigint[]      NOT NULL,
    customer_nos bigint[]      NOT NULL,
    positions    bigint[]      NOT NULL,
    instants     timestamptz[] NOT NULL,
    joined       boolean[]     NOT NULL,
    causes       text[]        NOT NULL,
    PRIMARY KEY (batch_no, version_no)
);
INSERT INTO rollcall.membership_change_blocks
SELECT change_no, version_no, segment_no, account_id, change_no, position, at, ARRAY[change_no], ARRAY[customer_no],
       ARRAY[position], ARRAY[at], ARRAY[joined], ARRAY[cause]
FROM rollcall.membership_changes
ORDER BY change_no;
DROP TABLE rollcall.membership_changes CASCADE;
CREATE INDEX membership_change_blocks_segment ON rollcall.membership_change_blocks (segment_no, last_no);
ALTER TABLE rollcall.membership_change_blocks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.membership_change_blocks FOR SELECT TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.membership_change_blocks TO rollcall_worker USING (true);
GRANT SELECT ON rollcall.membership_change_blocks TO rollcall_api;
GRANT SELECT, INSERT, DELETE ON rollcall.membership_change_blocks TO rollcall_worker;

-- Each change as a row.
CREATE VIEW rollcall.membership_changes WITH (security_invoker = true) AS
SELECT t.change_no, b.batch_no, b.account_id, b.segment_no, b.version_no, t.customer_no, t.position, t.at, t.joined,
       t.cause
FROM rollcall.membership_change_blocks b
CROSS JOIN LATERAL unnest(b.change_nos, b.customer_nos, b.positions, b.instants, b.joined, b.causes)
    AS t (change_no, customer_no, position, at, joined, cause);
GRANT SELECT ON rollcall.membership_changes TO rollcall_api, rollcall_worker;

DROP FUNCTION rollcall.last_change;
