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

-- name: begin_ask
-- The three statements of `begin_snapshot` one by one, so that a session parses and plans them once.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY

-- name: lock_model
LOCK TABLE shards IN ACCESS SHARE MODE

-- name: see_account
-- What is asked touches rows by key. Right after a table grew, statistics are old, and the planner would read it whole.
SELECT set_config('rollcall.account', %(account_id)s::text, true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), position
FROM rollcall.positions_of(ARRAY[%(account_id)s::uuid])

-- name: end_ask
COMMIT
