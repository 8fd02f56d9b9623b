-- name: differences
-- Customers last evaluated up to {until}; a member who is no customer at all is always a difference.
SELECT coalesce(c.customer_id::text, 'number ' || m.customer_no), coalesce(c.expected, false)
FROM (
    SELECT c.customer_no, c.customer_id, {predicate} AS expected,
           c.updated_at <= 'epoch'::timestamptz + {until} * interval '1 microsecond' AS compared
    FROM customers c
    WHERE c.account_id = {account}
) AS c
FULL JOIN (SELECT customer_no FROM members WHERE version_no = {version}) AS m USING (customer_no)
WHERE coalesce(c.compared, true) AND coalesce(c.expected, false) <> (m.customer_no IS NOT NULL)

-- name: members_among
SELECT customer_no FROM members WHERE version_no = %s AND customer_no = ANY (%b::bigint[])

-- name: wrong_counts
SELECT s.segment_id, v.members, count(m.customer_no)
FROM segments s
JOIN segment_versions v ON v.version_no = s.serving
LEFT JOIN members m ON m.version_no = v.version_no
GROUP BY s.segment_id, v.members
HAVING v.members <> count(m.customer_no)
