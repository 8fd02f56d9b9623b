-- name: country
SELECT country FROM rollcall.accounts WHERE account_id = %s::uuid

-- name: attributes
SELECT key, type, label FROM attributes WHERE account_id = %s::uuid ORDER BY key

-- name: wording
SELECT a.timezone, t.key, t.type, t.label
FROM rollcall.accounts a
LEFT JOIN attributes t USING (account_id)
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
