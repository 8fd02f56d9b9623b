-- name: add
INSERT INTO rollcall.share_logins (login, account_id, longest) VALUES (%s, %s, make_interval(mins => %s))

-- name: all
SELECT s.login, a.name, (extract(epoch FROM s.longest) / 60)::int, r.rolconnlimit,
       (SELECT count(*) FROM pg_stat_activity p WHERE p.usename = s.login)
FROM rollcall.share_logins s
JOIN rollcall.accounts a ON a.account_id = s.account_id
JOIN pg_roles r ON r.rolname = s.login
ORDER BY s.login

-- name: remove
DELETE FROM rollcall.share_logins WHERE login = %s

-- name: end_sessions
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = %s
