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

-- The events of a lagging account after its position, up to `last`, divided among workers by customer: those whose
-- `shard_of` leaves `part` when it is divided by `parts`. Of a part that is done, `counts` is what it changes in the counts
-- of attributes. What is in memory of the account changes with `defined_at` (projections.worker.backlog).
CREATE TABLE backlog_parts (
    account_id uuid    NOT NULL,
    part       integer NOT NULL,
    parts      integer NOT NULL,
    after      bigint  NOT NULL,
    last       bigint  NOT NULL,
    defined_at bigint  NOT NULL,
    done       boolean NOT NULL DEFAULT false,
    counts     text,
    PRIMARY KEY (account_id, part)
) WITH (fillfactor = 50);

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
    passed_customer_no bigint,
    -- An activity counts until it is so many days old, NULL without end; so since the event at `kept_since`.
    kept_days          int,
    kept_since         bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE attributes (
    account_id uuid NOT NULL,
    key        text NOT NULL,
    type       text NOT NULL,
    label      text,
    PRIMARY KEY (account_id, key)
);

-- The attributes that are computed from what customers do: the definition, the measure (below) that it is, since which
-- position, and the one whose values readers see: an older one until segments follow the newest, NULL until the first is.
-- A value that readers see is `value`, an expression over the facts `f` that are in `facts`, later than `after` and up to
-- `until`, and not older than `longest`; made by the worker from the definition (model.predicates.measures).
CREATE TABLE computed_attributes (
    account_id uuid   NOT NULL,
    key        text   NOT NULL COLLATE "C",
    definition json   NOT NULL,
    measure    text   NOT NULL,
    since      bigint NOT NULL,
    serving    text,
    value      text,
    facts      text,
    after      timestamptz,
    until      timestamptz,
    longest    interval,
    PRIMARY KEY (account_id, key)
);

-- How many customers have a value of an attribute. `many_values`: of so many different ones that they are not counted.
-- Every customer has an `opted_out`: its count is that of all customers.
CREATE TABLE attribute_fill (
    account_id  uuid    NOT NULL,
    key         text    NOT NULL COLLATE "C",
    customers   bigint  NOT NULL,
    many_values boolean NOT NULL,
    PRIMARY KEY (account_id, key)
) WITH (fillfactor = 50);

-- How many customers have each value of an attribute that has few different ones; of a list, each text in it.
CREATE TABLE attribute_values (
    account_id uuid   NOT NULL,
    key        text   NOT NULL COLLATE "C",
    value      text   NOT NULL COLLATE "C",
    customers  bigint NOT NULL,
    PRIMARY KEY (account_id, key, value)
) WITH (fillfactor = 50);

-- `attributes` holds every value, built-in ones too, in normal form and never a missing one;
-- `folded` the text and list values as conditions compare them. phone, name and opted_out also have columns
-- of their own, for lists and campaigns. `search`: the words of every text and list (`domain.search_words`).
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

-- How often a customer opted out, and in again, on a day of the account's calendar; not what they had when they were new.
-- By customer, so that an erasure takes it away: a replay does not find their values either.
CREATE TABLE opt_out_days (
    account_id  uuid   NOT NULL,
    customer_no bigint NOT NULL,
    day         date   NOT NULL,
    opt_outs    bigint NOT NULL,
    opt_ins     bigint NOT NULL,
    PRIMARY KEY (account_id, customer_no, day)
) WITH (fillfactor = 80);
CREATE INDEX opt_out_days_day ON opt_out_days (account_id, day) INCLUDE (opt_outs, opt_ins);

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

-- What customers did: a fact in each row, at the position of its event. `time` is its own, whenever it arrived.
-- `properties` in normal form, as attributes; `folded` has those that compare in another form, if there are any, and the
-- days of instants. `ahead`: dated later than it arrived, so that it counts from its time on and not from its arrival.
-- The key includes what counting facts of some customers needs, so that their rows are not read once a vacuum has noted
-- that every session sees them; it runs often, because windows ask for the newest facts.
CREATE TABLE activities (
    account_id  uuid        NOT NULL,
    customer_no bigint      NOT NULL,
    time        timestamptz NOT NULL,
    position    bigint      NOT NULL,
    activity    text        NOT NULL COLLATE "C",
    properties  jsonb       NOT NULL,
    folded      jsonb,
    ahead       boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (customer_no, time, position) INCLUDE (account_id, activity)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02);
-- Where a window that moves finds the facts that it lets go.
CREATE INDEX activities_time ON activities (account_id, activity, time, customer_no);
CREATE INDEX activities_ahead ON activities (account_id, time, customer_no) WHERE ahead;

-- What the filters of an account ask of behaviour, since position `since`. Of those whose values are dates or instants,
-- customers up to `filled_to` are in the index of these; all are where it is `complete`. What is `dropped` is asked no
-- more, and its rows of the index are being removed.
CREATE TABLE measures (
    account_id uuid    NOT NULL,
    key        text    NOT NULL COLLATE "C",
    definition json    NOT NULL,
    since      bigint  NOT NULL,
    filled_to  bigint  NOT NULL,
    complete   boolean NOT NULL DEFAULT false,
    dropped    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, key)
);

-- The amounts of a customer as of the last event that touched them: JSON by the key of their measure
-- (domain.filters.behaviour.amounts.Amount as an array), of the measures up to `known_to`, the position since which the
-- newest of them is asked. A cache of what facts come to: without a row, or once an amount may have changed by itself,
-- the facts say it.
CREATE TABLE amounts (
    account_id  uuid   NOT NULL,
    customer_no bigint PRIMARY KEY,
    known_to    bigint NOT NULL,
    amounts     text   NOT NULL
) WITH (fillfactor = 80);

-- The attributes of a customer with those that are computed, as people are shown them and as of the account's time: where
-- no fact counts, a count, a sum and a number of different values are 0, and an average has 6 decimals.
CREATE FUNCTION with_computed(account uuid, customer bigint, stored jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    shown record;
    now_at timestamptz;
    found jsonb;
    result jsonb := stored;
BEGIN
    FOR shown IN
        SELECT key, value, facts, after, until, longest
        FROM computed_attributes
        WHERE account_id = account AND serving IS NOT NULL
    LOOP
        IF now_at IS NULL THEN
            SELECT greatest(a.time_passed_to, c.updated_at)
            INTO now_at
            FROM accounts a
            LEFT JOIN customers c ON c.customer_no = customer AND c.account_id = account
            WHERE a.account_id = account;
        END IF;
        EXECUTE 'SELECT ' || shown.value || ' FROM activities f WHERE f.customer_no = $1 AND f.time > $2 AND f.time <= $3 '
                'AND ' || shown.facts
        INTO found
        USING customer, greatest(shown.after, now_at - shown.longest), least(shown.until, now_at);
        IF found <> 'null' THEN
            result := result || jsonb_build_object(shown.key, found);
        END IF;
    END LOOP;
    RETURN result;
END $$;

-- The types of the properties of each activity that was ever recorded.
CREATE TABLE known_activities (
    account_id uuid NOT NULL,
    activity   text NOT NULL COLLATE "C",
    properties json NOT NULL,
    PRIMARY KEY (account_id, activity)
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
    -- The first event that asked for another version than the served one. What is built may be of a later event, which
    -- began it again or took its place.
    unserved_since bigint,
    -- The version that is built waits until what it asks of behaviour is known.
    waiting     boolean     NOT NULL DEFAULT false,
    failure     text,
    label_ids   uuid[]      NOT NULL DEFAULT '{}',
    archived    boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, segment_no)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX segments_segment_id ON segments (segment_id);
CREATE INDEX segments_by_name ON segments (account_id, folded_name, segment_no);
CREATE INDEX segments_by_change ON segments (account_id, updated_at, segment_no);

-- Which segments' filters name which segments, by the id as the filter has it.
CREATE TABLE segment_uses (
    account_id uuid   NOT NULL,
    used_id    text   NOT NULL,
    segment_no bigint NOT NULL,
    PRIMARY KEY (account_id, used_id, segment_no)
);
CREATE INDEX segment_uses_segment ON segment_uses (segment_no);

CREATE TABLE labels (
    account_id  uuid NOT NULL,
    label_id    uuid NOT NULL,
    name        text NOT NULL,
    folded_name text NOT NULL,
    colour      text NOT NULL,
    PRIMARY KEY (account_id, label_id)
);

-- One row for each filter that a segment has had; version_no is the position of the event that set it.
-- state: building -> serving -> retired, or building -> cancelled by a newer edit or a deletion.
-- purged: the members of a version that is out of use have been removed.
-- superseded_by: the version that was served next; history after it no longer counts.
-- asked: the filter as somebody set it (`by`), with the names of segments; NULL where it follows another segment's filter.
CREATE TABLE segment_versions (
    account_id    uuid        NOT NULL,
    version_no    bigint      PRIMARY KEY,
    segment_no    bigint      NOT NULL,
    filter        json,
    asked         json,
    by            text,
    began_at      timestamptz NOT NULL,
    state         text        NOT NULL,
    previous      bigint,
    superseded_by bigint,
    built_to      bigint      NOT NULL DEFAULT 0,
    members       bigint      NOT NULL DEFAULT 0,
    purged        boolean     NOT NULL DEFAULT false
) WITH (fillfactor = 50);
CREATE INDEX segment_versions_segment ON segment_versions (segment_no, version_no);

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

-- How many rows of the history each version has of each day, by the calendar of the account: those that an edit of the
-- filter caused apart. `beside` is the newest version that the segment had; rows count while that is older than
-- superseded_by.
CREATE TABLE segment_days (
    account_id uuid    NOT NULL,
    version_no bigint  NOT NULL,
    day        date    NOT NULL,
    beside     bigint  NOT NULL,
    by_edit    boolean NOT NULL,
    joins      bigint  NOT NULL,
    leaves     bigint  NOT NULL,
    PRIMARY KEY (version_no, day, beside, by_edit)
) WITH (fillfactor = 80);
CREATE INDEX segment_days_day ON segment_days (account_id, day);

-- The newest version of a segment at the position of an event that flipped members of one of its versions.
CREATE FUNCTION newest_beside(segment bigint, version bigint, at_position bigint) RETURNS bigint LANGUAGE sql STABLE AS
$$
    SELECT greatest(version, (SELECT max(version_no) FROM segment_versions
                              WHERE segment_no = segment AND version_no < at_position))
$$;

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
    -- How many are in audience_blocks.
    copied          bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, audience_no)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX audiences_audience_id ON audiences (audience_id);
CREATE INDEX audiences_uncounted ON audiences (audience_no) WHERE NOT counted;

-- The recipients of an audience, 512 customer numbers to a row: bit `customer_no & 511` of block `customer_no >> 9`.
-- A block without recipients has no row, and no erased customer is left in one. What a recipient had then is in `reach`,
-- or in `reach_before` if it was replaced since.
CREATE TABLE audience_blocks (
    account_id  uuid     NOT NULL,
    audience_no bigint   NOT NULL,
    block_no    bigint   NOT NULL,
    bits        bit(512) NOT NULL,
    PRIMARY KEY (audience_no, block_no)
) WITH (fillfactor = 90);

-- What a customer's row in `reach` was as of audience `audience_no`, the account's newest when it was replaced: kept with
-- the first change after each freeze. An audience finds what its recipients had in the oldest of their rows that is as
-- new as it is, or newer; without one, it is what they have now.
CREATE TABLE reach_before (
    account_id  uuid   NOT NULL,
    customer_no bigint NOT NULL,
    audience_no bigint NOT NULL,
    external_id text,
    phone       text,
    name        text,
    PRIMARY KEY (account_id, customer_no, audience_no)
) WITH (fillfactor = 90);

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
    FOREACH each IN ARRAY ARRAY['lagging_accounts', 'backlog_parts', 'accounts', 'attributes', 'customers', 'opt_out_days',
                                'attribute_fill', 'attribute_values', 'computed_attributes',
                                'reach', 'customer_days', 'customer_instants', 'activities', 'known_activities', 'measures',
                                'amounts', 'segments',
                                'segment_uses', 'labels', 'segment_versions', 'members', 'membership_history',
                                'segment_days',
                                'campaigns', 'audiences', 'audience_blocks', 'reach_before',
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
