-- name: country
SELECT country FROM rollcall.accounts WHERE account_id = %s::uuid

-- name: attributes
SELECT t.key, t.type, t.label, c.definition::text, c.serving = c.measure
FROM attributes t
LEFT JOIN computed_attributes c USING (account_id, key)
WHERE account_id = %s::uuid
ORDER BY t.key

-- name: activities
SELECT activity, properties FROM known_activities WHERE account_id = %s::uuid

-- name: wording
SELECT a.timezone, t.key, t.type, t.label, c.definition::text
FROM rollcall.accounts a
LEFT JOIN attributes t USING (account_id)
LEFT JOIN computed_attributes c ON c.account_id = t.account_id AND c.key = t.key
WHERE a.account_id = %(account_id)s::uuid
ORDER BY t.key

-- name: calendar
-- While time passes, it has reached the customers up to a number only.
SELECT a.timezone,
       CASE
           WHEN %(customer_no)s::bigint <= m.passed_customer_no THEN m.passed_to
           ELSE coalesce(m.time_passed_to, a.created_at)
       END
FROM rollcall.accounts a
LEFT JOIN accounts m USING (account_id)
WHERE a.account_id = %(account_id)s::uuid
