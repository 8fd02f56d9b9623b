-- The read model: every table here is made from the log alone and can be dropped and rebuilt.
-- Run by the owner, with search_path on the schema that will hold it (projections.worker.rebuild makes a second one).
-- Keys contain the customer so that a slice of customers can be split off.

-- Up to which position of the log each shard's accounts are projected, but for those that lag.
CREATE TABLE shards (
    shard    integer PRIMARY KEY,
    position bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
INSERT INTO shards (shard) SELECT generate_series(0, 63);

-- Accounts with so many events that those of others, which follow, were projected before theirs.
CREATE TABLE lagging_accounts (
    account_id uuid   PRIMARY KEY,
    position   bigint NOT NULL
) WITH (fillfactor = 20);

-- The position of the whole read model: before the first event, of any account, that it does not hold.
CREATE VIEW projection AS
SELECT coalesce(least(
           (SELECT e.notification_id
            FROM rollcall.stored_events e
            JOIN shards s ON s.shard = rollcall.shard_of(e.account_id)
            WHERE e.notification_id > (SELECT min(position) FROM shards) AND e.notification_id > s.position
              AND NOT EXISTS (SELECT FROM lagging_accounts l WHERE l.account_id = e.account_id)
            ORDER BY e.notification_id
            LIMIT 1),
           (SELECT min(e.notification_id)
            FROM lagging_accounts l
            CROSS JOIN LATERAL (SELECT notification_id
                                FROM rollcall.stored_events
                                WHERE account_id = l.account_id AND notification_id > l.position
                                ORDER BY notification_id
                                LIMIT 1) AS e)
       ) - 1, rollcall.log_head()) AS position;

CREATE TABLE accounts (
    account_id         uuid PRIMARY KEY,
    timezone           text        NOT NULL,
    country            text        NOT NULL,
    -- Time-driven flips up to here are in the members.
    time_passed_to     timestamptz NOT NULL,
    -- While time passes, from the event at `passing_position` until `passing_until`: customers up to
    -- `passed_customer_no` have reached `passed_to`.
    passing_until      timestamptz,
    passing_position   bigint,
    passed_to          timestamptz,
    passed_customer_no bigint
) WITH (fillfactor = 50);

CREATE TABLE attributes (
    account_id uuid NOT NULL,
    key        text NOT NULL,
    type       text NOT NULL,
    label      text,
    PRIMARY KEY (account_id, key)
);

-- `attributes` holds every value, built-in ones too, in normal form and never a missing one;
-- `folded` the text and list values as conditions compare them. phone, name and opted_out also have columns
-- of their own, for lists and campaigns. `search`: the words of `domain.search_words`, of the name and the phone number.
-- `position`: the last event that touched the customer.
CREATE TABLE customers (
    account_id  uuid        NOT NULL,
    customer_no bigint      NOT NULL,
    customer_id uuid        NOT NULL,
    position    bigint      NOT NULL,
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    phone       text,
    name        text,
    opted_out   boolean     NOT NULL,
    attributes  jsonb       NOT NULL,
    folded      jsonb       NOT NULL,
    search      tsvector    NOT NULL,
    PRIMARY KEY (account_id, customer_no)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX customers_customer_id ON customers (customer_id);
CREATE INDEX customers_search_words ON customers USING gin (search);

-- What campaigns need of each customer, in a narrow row that changes only with these values. `number_key` is that of
-- the phone number (`rollcall.number_key`); `shared`: another customer of the account has this phone number.
CREATE TABLE reach (
    account_id  uuid    NOT NULL,
    customer_no bigint  NOT NULL,
    customer_id uuid    NOT NULL,
    phone       text,
    number_key  bigint,
    opted_out   boolean NOT NULL,
    shared      boolean NOT NULL DEFAULT false,
    external_id text,
    name        text,
    PRIMARY KEY (account_id, customer_no)
) WITH (fillfactor = 90);
CREATE INDEX reach_number ON reach (account_id, number_key, customer_no) WHERE number_key IS NOT NULL;
-- Few: all others are recipients of every campaign that has them in a segment, unless their number is suppressed.
CREATE INDEX reach_special ON reach (account_id, customer_no) WHERE opted_out OR phone IS NULL OR shared;

-- Customers' dates (and the days of their datetimes) and instants by value, for thresholds that move.
CREATE TABLE customer_days (
    account_id  uuid   NOT NULL,
    key         text   NOT NULL COLLATE "C",
    day         text   NOT NULL COLLATE "C",
    customer_no bigint NOT NULL,
    PRIMARY KEY (account_id, key, day, customer_no)
);

-- Microseconds since 1970.
CREATE TABLE customer_instants (
    account_id  uuid   NOT NULL,
    key         text   NOT NULL COLLATE "C",
    instant     bigint NOT NULL,
    customer_no bigint NOT NULL,
    PRIMARY KEY (account_id, key, instant, customer_no)
);

-- `serving`: the version that readers see; NULL until the first one is complete.
-- `building`: the version being filled beside it; NULL where there is none.
CREATE TABLE segments (
    account_id  uuid        NOT NULL,
    segment_no  bigint      NOT NULL,
    segment_id  uuid        NOT NULL,
    name        text        NOT NULL,
    folded_name text        NOT NULL,
    description text        NOT NULL,
    type        text        NOT NULL,
    filter      json,
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    serving     bigint,
    building    bigint,
    failure     text,
    PRIMARY KEY (account_id, segment_no)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX segments_segment_id ON segments (segment_id);

-- One row for each filter that a segment has had; version_no is the position of the event that set it.
-- state: building -> serving -> retired, or building -> cancelled by a newer edit or a deletion.
-- purged: the members of a version that is out of use have been removed.
-- superseded_by: the version that was served next; history after it no longer counts.
CREATE TABLE segment_versions (
    account_id    uuid        NOT NULL,
    version_no    bigint      PRIMARY KEY,
    segment_no    bigint      NOT NULL,
    filter        json,
    began_at      timestamptz NOT NULL,
    state         text        NOT NULL,
    previous      bigint,
    superseded_by bigint,
    built_to      bigint      NOT NULL DEFAULT 0,
    members       bigint      NOT NULL DEFAULT 0,
    purged        boolean     NOT NULL DEFAULT false
) WITH (fillfactor = 50);
CREATE INDEX segment_versions_segment ON segment_versions (segment_no);

-- Who is in which version; `position` is the event that brought the customer in.
CREATE TABLE members (
    version_no  bigint      NOT NULL,
    customer_no bigint      NOT NULL,
    joined_at   timestamptz NOT NULL,
    position    bigint      NOT NULL,
    account_id  uuid        NOT NULL,
    PRIMARY KEY (version_no, customer_no)
) WITH (fillfactor = 90);

-- Every join and every leave, never netted. Rows of a version count while it is the segment's:
-- from version_no up to superseded_by, and not at all where it was cancelled. The key begins with the customer: it is the
-- way from a customer to their segments, which `members` has not.
CREATE TABLE membership_history (
    customer_no bigint      NOT NULL,
    version_no  bigint      NOT NULL,
    position    bigint      NOT NULL,
    at          timestamptz NOT NULL,
    joined      boolean     NOT NULL,
    cause       text        NOT NULL,
    account_id  uuid        NOT NULL,
    PRIMARY KEY (customer_no, version_no, position, at)
);
-- What happened in a segment, and who was in it at an instant.
CREATE INDEX membership_history_at ON membership_history (version_no, at, customer_no);

-- The lists hold the segments that still exist; `lost_…` counts those deleted since the list was chosen. With an
-- excluded segment lost, or no segment left, the audience is empty.
CREATE TABLE campaigns (
    account_id          uuid        NOT NULL,
    campaign_no         bigint      NOT NULL,
    campaign_id         uuid        NOT NULL,
    name                text        NOT NULL,
    segment_ids         uuid[]      NOT NULL,
    exclude_segment_ids uuid[]      NOT NULL,
    lost_included       integer     NOT NULL,
    lost_excluded       integer     NOT NULL,
    events              bigint      NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    PRIMARY KEY (account_id, campaign_no)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX campaigns_campaign_id ON campaigns (campaign_id);

-- An audience frozen at position `audience_no`. Recipients are copied chunk by chunk from the members of the versions
-- `included` who are in none of `left_out`, up to customer `copied_to`. It may be read once it is counted.
CREATE TABLE audiences (
    account_id      uuid        NOT NULL,
    audience_no     bigint      NOT NULL,
    audience_id     uuid        NOT NULL,
    campaign_id     uuid        NOT NULL,
    frozen_at       timestamptz NOT NULL,
    included        bigint[]    NOT NULL,
    left_out        bigint[]    NOT NULL,
    copied_to       bigint      NOT NULL DEFAULT 0,
    complete        boolean     NOT NULL DEFAULT false,
    counted         boolean     NOT NULL DEFAULT false,
    recipients      bigint      NOT NULL DEFAULT 0,
    opted_out       bigint      NOT NULL DEFAULT 0,
    no_phone        bigint      NOT NULL DEFAULT 0,
    excluded        bigint      NOT NULL DEFAULT 0,
    duplicate_phone bigint      NOT NULL DEFAULT 0,
    erased          bigint      NOT NULL DEFAULT 0,
    -- Rows in audience_recipients.
    copied          bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, audience_no)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX audiences_audience_id ON audiences (audience_id);
CREATE INDEX audiences_uncounted ON audiences (audience_no) WHERE NOT counted;

-- Recipients as they were, even if the customers change or are deleted later; an erased customer is erased here too.
CREATE TABLE audience_recipients (
    account_id  uuid   NOT NULL,
    audience_no bigint NOT NULL,
    customer_no bigint NOT NULL,
    customer_id uuid   NOT NULL,
    external_id text,
    phone       text   NOT NULL,
    name        text,
    PRIMARY KEY (audience_no, customer_no)
);

-- Until an audience is counted: of each phone number that several customers have, or that is suppressed, the members
-- with it and those who make the audience leave it out, all as of the audience's position.
CREATE TABLE audience_shared (
    account_id  uuid    NOT NULL,
    audience_no bigint  NOT NULL,
    customer_no bigint  NOT NULL,
    phone       text    NOT NULL,
    number_key  bigint  NOT NULL,
    is_member   boolean NOT NULL,
    is_excluded boolean NOT NULL,
    opted_out   boolean NOT NULL,
    PRIMARY KEY (audience_no, customer_no)
);

-- Until an audience is counted: the customers that events changed before its copy had reached them.
CREATE TABLE audience_touched (
    account_id  uuid   NOT NULL,
    audience_no bigint NOT NULL,
    customer_no bigint NOT NULL,
    PRIMARY KEY (audience_no, customer_no)
);

DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['lagging_accounts', 'accounts', 'attributes', 'customers', 'reach',
                                'customer_days', 'customer_instants', 'segments',
                                'segment_versions', 'members', 'membership_history',
                                'campaigns', 'audiences', 'audience_recipients',
                                'audience_shared', 'audience_touched'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', each);
        EXECUTE format('CREATE POLICY own_account ON %I FOR SELECT TO rollcall_api '
                       'USING (account_id = (SELECT rollcall.current_account()))', each);
        EXECUTE format('CREATE POLICY every_account ON %I TO rollcall_worker USING (true)', each);
        EXECUTE format('GRANT SELECT ON %I TO rollcall_api', each);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO rollcall_worker', each);
    END LOOP;
    -- The position of a shard says nothing about an account: every role may read it, only the worker moves it.
    ALTER TABLE shards ENABLE ROW LEVEL SECURITY;
    CREATE POLICY everyone_reads ON shards FOR SELECT TO rollcall_api USING (true);
    CREATE POLICY every_account ON shards TO rollcall_worker USING (true);
    GRANT SELECT ON shards TO rollcall_api;
    GRANT SELECT, UPDATE ON shards TO rollcall_worker;
    GRANT SELECT ON projection TO rollcall_api, rollcall_worker;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO rollcall_api, rollcall_worker', current_schema());
END $$;
