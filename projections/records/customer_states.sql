-- name: load
SELECT customer_id, revision, state
FROM customer_states
WHERE account_id = %s::uuid AND customer_id = ANY (%b::uuid[])

-- name: insert
-- A customer that another writer created meanwhile fails on the primary key: decide again.
INSERT INTO customer_states (account_id, customer_id, revision, state, phone, created)
SELECT %s::uuid, customer_id, revision, state, phone, created
FROM unnest(%b::uuid[], %b::bigint[], %b::bytea[], %b::text[], %b::bigint[])
    AS t (customer_id, revision, state, phone, created)

-- name: update
-- Only rows still at the revision that was read; the caller counts them.
UPDATE customer_states s
SET revision = t.revision, state = t.state, phone = t.phone, created = t.created
FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::bytea[], %b::text[], %b::bigint[])
    AS t (customer_id, before, revision, state, phone, created)
WHERE s.customer_id = t.customer_id AND s.revision = t.before AND s.account_id = %s::uuid

-- name: known_marks
SELECT mark FROM activity_marks WHERE mark = ANY (%b::uuid[])

-- name: store_marks
INSERT INTO activity_marks (mark, account_id, time)
SELECT mark, %s::uuid, time
FROM unnest(%b::uuid[], %b::bigint[]) AS t (mark, time)
