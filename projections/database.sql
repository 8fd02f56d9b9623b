-- name: begin
-- One round trip begins a transaction that sees one account.
BEGIN; SELECT set_config('rollcall.account', '%(account)s', true)

-- name: begin_read
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT set_config('rollcall.account', '%(account)s', true)

-- name: begin_snapshot
-- The same, with the last event that it includes.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT set_config('rollcall.account', '%(account)s', true);
SELECT position FROM projection
