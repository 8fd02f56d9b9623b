-- An erased person's opt-out outlives the erasure: the phone number as a hash keyed by the installation's secret, until
-- a customer with that number opts in again. Rows, not events, so that lifting one leaves nothing behind.

CREATE TABLE rollcall.suppressed_numbers (
    account_id    uuid        NOT NULL,
    number_sha256 bytea       NOT NULL,
    -- The event and the instant of the erasure: an opt-in must be of that instant or later.
    position      bigint      NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (account_id, number_sha256)
);
ALTER TABLE rollcall.suppressed_numbers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.suppressed_numbers TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.suppressed_numbers TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.suppressed_numbers TO rollcall_api, rollcall_worker;

-- The secret comes first and has one length, so nothing else hashes alike. Each argument is used once, so that the
-- planner writes the expression into the query instead of calling a function for each row.
CREATE FUNCTION rollcall.number_sha256(secret bytea, account_id uuid, phone text) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT sha256(secret || convert_to(account_id::text || phone, 'UTF8')) $$;
