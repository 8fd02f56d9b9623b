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
