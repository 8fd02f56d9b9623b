-- name: add
-- A row without its login is left of a database that was restored on another server.
INSERT INTO rollcall.share_logins (login, account_id, longest) VALUES (%s, %s, make_interval(mins => %s))
ON CONFLICT (login) DO UPDATE
SET account_id = excluded.account_id, longest = excluded.longest, created_at = excluded.created_at

-- name: all
SELECT s.login, a.name, (extract(epoch FROM s.longest) / 60)::int, r.rolconnlimit,
       (SELECT count(*) FROM pg_stat_activity p WHERE p.usename = s.login)
FROM rollcall.share_logins s
JOIN rollcall.accounts a ON a.account_id = s.account_id
LEFT JOIN pg_roles r ON r.rolname = s.login
ORDER BY s.login

-- name: remove
DELETE FROM rollcall.share_logins WHERE login = %s

-- name: exists
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)

-- name: end_sessions
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = %s
