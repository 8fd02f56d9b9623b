-- name: impact
-- All customers once, joined with the members of the served version.
SELECT count(*) FILTER (WHERE c.matches AND m.customer_no IS NULL),
       count(*) FILTER (WHERE NOT c.matches AND m.customer_no IS NOT NULL)
FROM (SELECT c.customer_no, {predicate} AS matches FROM customers c WHERE c.account_id = {account}) AS c
LEFT JOIN members m ON m.version_no = {serving} AND m.customer_no = c.customer_no
WHERE c.matches OR m.customer_no IS NOT NULL
