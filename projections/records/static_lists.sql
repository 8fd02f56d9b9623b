-- name: existing_customers
SELECT customer_id
FROM customer_states
WHERE account_id = %s::uuid AND customer_id = ANY (%b::uuid[]) AND created IS NOT NULL

-- name: members
SELECT customer_id
FROM static_members
WHERE account_id = %s::uuid AND segment_id = %s::uuid AND customer_id = ANY (%b::uuid[])

-- name: by_phone
SELECT t.phone, oldest.customer_id
FROM unnest(%b::text[]) AS t (phone)
CROSS JOIN LATERAL (
    SELECT s.customer_id
    FROM customer_states s
    WHERE s.account_id = %s::uuid AND s.phone = t.phone
    ORDER BY s.created, s.customer_id
    LIMIT 1
) AS oldest

-- name: add
-- The share lock lets no deletion of these customers commit before we do: it would not see our rows.
WITH present AS (
    SELECT account_id, customer_id
    FROM customer_states
    WHERE account_id = %s::uuid AND customer_id = ANY (%b::uuid[]) AND created IS NOT NULL
    ORDER BY customer_id
    FOR SHARE
)
INSERT INTO static_members (account_id, segment_id, customer_id)
SELECT account_id, %s::uuid, customer_id
FROM present

-- name: add_created
INSERT INTO static_members (account_id, segment_id, customer_id)
SELECT %s::uuid, %s::uuid, customer_id
FROM unnest(%b::uuid[]) AS t (customer_id)

-- name: remove
DELETE FROM static_members
WHERE account_id = %s::uuid AND segment_id = %s::uuid AND customer_id = ANY (%b::uuid[])

-- name: remove_everywhere
DELETE FROM static_members WHERE account_id = %s::uuid AND customer_id = ANY (%b::uuid[])
