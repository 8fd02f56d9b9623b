-- What came by the doors for other people's software, counted in the transaction that stores what it says: messages by
-- type and result, and values that were left out, by the name they were sent with. No values. A door whose keys are
-- published may be sent any name, so an account has a limited number of rows (projections/records/received_counts.sql).
CREATE TABLE rollcall.received_counts (
    account_id uuid        NOT NULL,
    door       text        NOT NULL,
    subject    text        NOT NULL CHECK (subject IN ('message', 'value')),
    name       text        NOT NULL,
    result     text        NOT NULL,
    count      bigint      NOT NULL,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, door, subject, name, result)
) WITH (fillfactor = 50);
ALTER TABLE rollcall.received_counts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.received_counts TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
CREATE POLICY every_account ON rollcall.received_counts TO rollcall_worker USING (true);
GRANT SELECT, INSERT, UPDATE ON rollcall.received_counts TO rollcall_api, rollcall_worker;
