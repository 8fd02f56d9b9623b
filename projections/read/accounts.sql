-- name: country
SELECT country FROM rollcall.accounts WHERE account_id = %s::uuid

-- name: attributes
SELECT key, type, label FROM attributes WHERE account_id = %s::uuid ORDER BY key

-- name: wording
SELECT a.timezone, t.key, t.type, t.label
FROM rollcall.accounts a
LEFT JOIN attributes t USING (account_id)
WHERE a.account_id = %s::uuid

-- name: calendar
SELECT a.timezone, coalesce(m.time_passed_to, a.created_at)
FROM rollcall.accounts a
LEFT JOIN accounts m USING (account_id)
WHERE a.account_id = %s::uuid
