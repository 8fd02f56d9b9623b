-- name: insert_members_at_edit
-- Members as of an edit; a customer who stays keeps joined_at and the event that made them join.
INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
SELECT t.version_no, t.customer_no,
       coalesce(o.joined_at, 'epoch'::timestamptz + t.at * interval '1 microsecond'),
       coalesce(o.position, t.version_no), t.account_id
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[])
    AS t (account_id, version_no, previous, customer_no, at)
LEFT JOIN members o ON o.version_no = t.previous AND o.customer_no = t.customer_no

-- name: delete_members
DELETE FROM members m
USING unnest(%b::bigint[], %b::bigint[]) AS t (version_no, customer_no)
WHERE m.version_no = t.version_no AND m.customer_no = t.customer_no

-- name: insert_members
INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
SELECT version_no, customer_no, 'epoch'::timestamptz + at * interval '1 microsecond', position, account_id
FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::uuid[])
    AS t (version_no, customer_no, at, position, account_id)

-- name: insert_history
INSERT INTO membership_history (customer_no, version_no, position, at, joined, cause, account_id)
SELECT customer_no, version_no, position, 'epoch'::timestamptz + at * interval '1 microsecond', joined, cause, account_id
FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::boolean[], %b::text[], %b::uuid[])
    AS t (customer_no, version_no, position, at, joined, cause, account_id)

-- name: add_counts
UPDATE segment_versions v
SET members = v.members + t.change
FROM unnest(%b::bigint[], %b::bigint[]) AS t (version_no, change)
WHERE v.version_no = t.version_no
