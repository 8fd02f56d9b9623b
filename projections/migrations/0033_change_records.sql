-- Change records name their segment, as it was called when the change was appended: a deleted one can be read of too.
-- NULL in blocks of the release before, whose records have the name of now.
ALTER TABLE rollcall.membership_change_blocks ADD COLUMN segment_name text;

CREATE OR REPLACE VIEW rollcall.membership_changes WITH (security_invoker = true) AS
SELECT t.change_no, b.batch_no, b.account_id, b.segment_no, b.version_no, t.customer_no, t.position, t.at, t.joined,
       t.cause, b.segment_name
FROM rollcall.membership_change_blocks b
CROSS JOIN LATERAL unnest(b.change_nos, b.customer_nos, b.positions, b.instants, b.joined, b.causes)
    AS t (change_no, customer_no, position, at, joined, cause);

-- The changes of an account after one of them.
CREATE INDEX membership_change_blocks_account ON rollcall.membership_change_blocks (account_id, batch_no);

-- How far each compacted topic holds who is in a segment now: the changes up to `change_no` are in it. At first it is
-- filled with the members as they are, up to customer `customer_no` of segment `segment_no`; then the changes since it
-- was begun follow. A topic that was made anew has another `topic_id`, and begins again.
CREATE TABLE rollcall.member_topics (
    topic       text    PRIMARY KEY,
    topic_id    uuid    NOT NULL,
    change_no   bigint  NOT NULL,
    segment_no  bigint  NOT NULL DEFAULT 0,
    customer_no bigint  NOT NULL DEFAULT 0,
    filled      boolean NOT NULL DEFAULT false
) WITH (fillfactor = 20);
ALTER TABLE rollcall.member_topics ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.member_topics TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE ON rollcall.member_topics TO rollcall_worker;
