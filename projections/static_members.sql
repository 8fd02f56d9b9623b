-- name: add
WITH joined AS (
    INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
    SELECT %(version_no)s::bigint, c.customer_no, 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond',
           %(position)s::bigint, c.account_id
    FROM customers c
    WHERE c.customer_id = ANY (%(customer_ids)b::uuid[]) AND c.account_id = %(account_id)s::uuid
    ORDER BY c.customer_no
    ON CONFLICT DO NOTHING
    RETURNING customer_no, joined_at
), told AS (
    INSERT INTO membership_history (customer_no, version_no, position, at, joined, cause, account_id)
    SELECT customer_no, %(version_no)s::bigint, %(position)s::bigint, joined_at, true, %(cause)s::text,
           %(account_id)s::uuid
    FROM joined
), counted AS (
    UPDATE segment_versions
    SET members = members + (SELECT count(*) FROM joined)
    WHERE version_no = %(version_no)s::bigint
)
SELECT count(*) FROM joined

-- name: remove
WITH gone AS (
    DELETE FROM members m
    USING customers c
    WHERE c.customer_id = ANY (%(customer_ids)b::uuid[]) AND c.account_id = %(account_id)s::uuid
      AND m.version_no = %(version_no)s::bigint AND m.customer_no = c.customer_no
    RETURNING m.customer_no
), told AS (
    INSERT INTO membership_history (customer_no, version_no, position, at, joined, cause, account_id)
    SELECT customer_no, %(version_no)s::bigint, %(position)s::bigint,
           'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond', false, %(cause)s::text,
           %(account_id)s::uuid
    FROM gone
), counted AS (
    UPDATE segment_versions
    SET members = members - (SELECT count(*) FROM gone)
    WHERE version_no = %(version_no)s::bigint
)
SELECT count(*) FROM gone

-- name: memberships
SELECT customer_no, version_no
FROM members
WHERE version_no = ANY (%b::bigint[]) AND customer_no = ANY (%b::bigint[])
