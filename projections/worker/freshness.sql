-- name: tiers
-- Looks at no more index entries than a large account needs at least; exact counts would read every customer.
SELECT account_id,
       CASE WHEN EXISTS (SELECT FROM customers c WHERE c.account_id = a.account_id OFFSET %(large)s::int - 1) THEN 'large'
            WHEN EXISTS (SELECT FROM customers c WHERE c.account_id = a.account_id OFFSET %(medium)s::int - 1) THEN 'medium'
            ELSE 'small' END
FROM unnest(%(accounts)b::uuid[]) AS a (account_id)
