-- name: begin
-- One round trip begins a transaction that sees one account.
BEGIN; SELECT set_config('rollcall.account', '%(account)s', true)

-- name: begin_read
-- A rebuild's switch waits for the lock, and the snapshot is taken after it: one transaction, one read model.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE shards IN ACCESS SHARE MODE;
SELECT set_config('rollcall.account', '%(account)s', true)

-- name: begin_snapshot
-- The same, with the last event that it includes.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE shards IN ACCESS SHARE MODE;
SELECT set_config('rollcall.account', '%(account)s', true);
SELECT position FROM rollcall.positions_of(ARRAY['%(account)s'::uuid])
