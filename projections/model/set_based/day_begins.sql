-- name: flip_when_day_begins
-- Those who join or leave at one instant, among the customers who may. One touched by an event since has flipped.
WITH {customers}, flipped AS MATERIALIZED (
    SELECT customer_no, version_no, {at} AS at, joined FROM ({flips}) AS t
), history AS (
    INSERT INTO membership_history (customer_no, version_no, position, at, joined, cause, account_id)
    SELECT customer_no, version_no, {position}, at, joined, 'time', {account} FROM flipped
), gone AS (
    DELETE FROM members m
    USING flipped f
    WHERE NOT f.joined AND m.version_no = f.version_no AND m.customer_no = f.customer_no
    RETURNING m.customer_no
), came AS (
    INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
    SELECT version_no, customer_no, at, {position}, {account} FROM flipped WHERE joined
), {published}
SELECT (SELECT count(*) FROM gone), count(*) FILTER (WHERE NOT joined), count(*) FILTER (WHERE joined),
       count(*) FILTER (WHERE NOT joined)
FROM flipped

-- name: customers
-- Those among some numbers whose time has not passed so far.
{name} AS (
    SELECT c.customer_no, c.attributes, c.folded
    FROM customers c
    WHERE c.account_id = {account} AND c.customer_no = ANY ({numbers}::bigint[])
      AND c.position <= {position} AND c.updated_at < {at}
)

-- name: flips
-- A condition that several versions ask is evaluated once, and facts are read once, for all that `held` has of them.
SELECT c.customer_no, v.version_no, v.joined
FROM {name} c
CROSS JOIN LATERAL ({before}) AS before
CROSS JOIN LATERAL ({now}) AS now
CROSS JOIN LATERAL unnest({versions}::bigint[], before.held, now.held) AS v (version_no, was, joined)
WHERE v.was <> v.joined

-- name: held
-- Planned on its own (OFFSET 0), so that it is evaluated once.
SELECT ARRAY[{filters}] AS held FROM (SELECT {conditions} FROM (VALUES (1)) AS once {facts} OFFSET 0) AS t OFFSET 0
