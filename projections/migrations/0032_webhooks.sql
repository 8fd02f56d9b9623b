-- Webhooks: what an account subscribed to, how far it was delivered, and what each attempt met. Configuration, which is
-- never rebuilt; what is delivered is the stream of membership changes (0021).

-- `segment_ids` and `campaign_ids` both empty: all segments. A person, or what a receiver answers, changes `state`,
-- `reason` and what stands before them, and `version` with them; the rest is moved by the process that delivers.
CREATE TABLE rollcall.webhooks (
    webhook_id        uuid        PRIMARY KEY,
    account_id        uuid        NOT NULL,
    name              text        NOT NULL,
    url               text        NOT NULL,
    segment_ids       uuid[]      NOT NULL,
    campaign_ids      uuid[]      NOT NULL,
    events            text[]      NOT NULL,
    fields            text[]      NOT NULL,
    state             text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
    reason            text,
    version           bigint      NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    -- Every change up to this number is delivered. `epoch` is part of the ids of messages: it rises where the same
    -- changes are to be sent again, or others in their place.
    change_no         bigint      NOT NULL,
    epoch             bigint      NOT NULL DEFAULT 0,
    -- The message that is being delivered: the changes after `change_no` up to this one, of these segments (all where
    -- NULL). Stored before it is sent, so that it is the same however often it is tried.
    pending_to        bigint,
    pending_segments  bigint[],
    -- All present members are to be copied, or are being sent; how many there are, and how many were sent.
    full_send         text        CHECK (full_send IN ('waiting', 'sending')),
    full_send_records bigint      NOT NULL DEFAULT 0,
    full_send_sent    bigint      NOT NULL DEFAULT 0,
    -- A test message that was asked for.
    test_id           uuid,
    attempts          integer     NOT NULL DEFAULT 0,
    failing_since     timestamptz,
    due_at            timestamptz NOT NULL,
    -- The last attempt failed or took long: such receivers share a part of the places.
    slow              boolean     NOT NULL DEFAULT false,
    last_attempt_at   timestamptz,
    last_success_at   timestamptz,
    -- The process that delivers it now. `leased_until` is an instant of the database's clock; what a process stores
    -- names the lease under which it began.
    holder            integer,
    lease_no          bigint      NOT NULL DEFAULT 0,
    leased_until      timestamptz
) WITH (fillfactor = 50);
CREATE INDEX webhooks_age ON rollcall.webhooks (account_id, created_at, webhook_id);

-- The secrets that sign. The one without an end is the present one; one before it signs too until `expires_at`. The API
-- writes them and never reads them.
CREATE TABLE rollcall.webhook_secrets (
    webhook_id    uuid        NOT NULL REFERENCES rollcall.webhooks ON DELETE CASCADE,
    secret_sha256 bytea       NOT NULL,
    account_id    uuid        NOT NULL,
    secret        text        NOT NULL,
    expires_at    timestamptz,
    PRIMARY KEY (webhook_id, secret_sha256)
);

-- The members that a full send still has to send, as they were at `change_no`: a row is a message.
CREATE TABLE rollcall.webhook_snapshots (
    webhook_id   uuid          NOT NULL REFERENCES rollcall.webhooks ON DELETE CASCADE,
    block_no     bigint        NOT NULL,
    account_id   uuid          NOT NULL,
    segment_no   bigint        NOT NULL,
    customer_nos bigint[]      NOT NULL,
    instants     timestamptz[] NOT NULL,
    positions    bigint[]      NOT NULL,
    PRIMARY KEY (webhook_id, block_no)
);

-- Each attempt to deliver a message, kept for some days.
CREATE TABLE rollcall.webhook_deliveries (
    delivery_no    bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    webhook_id     uuid        NOT NULL REFERENCES rollcall.webhooks ON DELETE CASCADE,
    account_id     uuid        NOT NULL,
    message_id     text        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('changes', 'full_send', 'test')),
    attempt        integer     NOT NULL,
    records        integer     NOT NULL,
    first_position bigint,
    last_position  bigint,
    at             timestamptz NOT NULL,
    duration_ms    integer     NOT NULL,
    status         integer,
    failure        text,
    detail         text,
    answer         text        NOT NULL
);
CREATE INDEX webhook_deliveries_webhook ON rollcall.webhook_deliveries (webhook_id, delivery_no);

DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['webhooks', 'webhook_secrets', 'webhook_snapshots', 'webhook_deliveries'] LOOP
        EXECUTE format('ALTER TABLE rollcall.%I ENABLE ROW LEVEL SECURITY', each);
        EXECUTE format('CREATE POLICY own_account ON rollcall.%I TO rollcall_api '
                       'USING (account_id = (SELECT rollcall.current_account()))', each);
        EXECUTE format('CREATE POLICY every_account ON rollcall.%I TO rollcall_worker USING (true)', each);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.%I TO rollcall_worker', each);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON rollcall.webhooks TO rollcall_api;
GRANT SELECT (webhook_id, secret_sha256, account_id, expires_at), INSERT, UPDATE (expires_at), DELETE
    ON rollcall.webhook_secrets TO rollcall_api;
GRANT SELECT ON rollcall.webhook_deliveries TO rollcall_api;
