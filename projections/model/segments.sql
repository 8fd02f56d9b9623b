-- name: create
INSERT INTO segments (account_id, segment_no, segment_id, name, folded_name, description, type, filter, version,
                      created_at, updated_at, serving)
SELECT %(account_id)s, %(segment_no)s, %(segment_id)s, %(name)s, %(folded_name)s, %(description)s, %(type)s,
       %(filter)s::json, %(version)s, instant, instant, %(serving)s
FROM (SELECT 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond' AS instant) AS t

-- name: change_details
UPDATE segments
SET name = %(name)s, folded_name = %(folded_name)s, description = %(description)s, version = %(version)s,
    updated_at = 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond'
WHERE segment_id = %(segment_id)s

-- name: change_filter
UPDATE segments
SET filter = %(filter)s::json, version = %(version)s,
    updated_at = 'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond'
WHERE segment_id = %(segment_id)s

-- name: store_uses
WITH gone AS (
    DELETE FROM segment_uses WHERE segment_no = %(segment_no)s AND NOT used_id = ANY (%(named)s::text[])
)
INSERT INTO segment_uses (account_id, used_id, segment_no)
SELECT %(account_id)s, used_id, %(segment_no)s
FROM unnest(%(named)s::text[]) AS t (used_id)
ON CONFLICT DO NOTHING

-- name: create_version
INSERT INTO segment_versions (account_id, version_no, segment_no, filter, asked, by, began_at, state, previous)
VALUES (%(account_id)s, %(version_no)s, %(segment_no)s, %(filter)s::json, %(asked)s::json, %(by)s,
        'epoch'::timestamptz + %(at)s::bigint * interval '1 microsecond', %(state)s, %(previous)s)

-- name: start_build
-- A version that can be read takes its segment out of failure.
UPDATE segments
SET building = %(version_no)s, unserved_since = coalesce(unserved_since, %(version_no)s), waiting = %(waiting)s,
    failure = NULL
WHERE segment_no = %(segment_no)s

-- name: take_over
DELETE FROM segment_versions WHERE version_no = %(version_no)s RETURNING asked, by

-- name: move_days
-- What was counted beside a version that is gone counts beside the one before, where an erasure will look for it.
WITH moved AS (
    DELETE FROM segment_days d
    USING segment_versions v
    WHERE v.segment_no = %(segment_no)s AND d.version_no = v.version_no AND d.beside = %(version_no)s
    RETURNING d.*
)
INSERT INTO segment_days AS d (account_id, version_no, day, beside, by_edit, joins, leaves)
SELECT account_id, version_no, day, newest_beside(%(segment_no)s, version_no, %(version_no)s), by_edit, joins, leaves
FROM moved
ON CONFLICT (version_no, day, beside, by_edit) DO UPDATE
SET joins = d.joins + excluded.joins, leaves = d.leaves + excluded.leaves

-- name: cancel_build
WITH version AS (
    UPDATE segment_versions SET state = 'cancelled' WHERE version_no = %(version_no)s RETURNING segment_no
)
UPDATE segments s SET building = NULL, waiting = false FROM version v WHERE s.segment_no = v.segment_no

-- name: fail
UPDATE segments
SET failure = %(failure)s, building = NULL, unserved_since = NULL, waiting = false
WHERE segment_no = %(segment_no)s

-- name: switch
-- Readers see the new version from this row on.
WITH retired AS (
    UPDATE segment_versions SET state = 'retired', superseded_by = %(version_no)s WHERE version_no = %(previous)s
), served AS (
    UPDATE segment_versions SET state = 'serving' WHERE version_no = %(version_no)s
)
UPDATE segments SET serving = %(version_no)s, building = NULL, unserved_since = NULL WHERE segment_no = %(segment_no)s

-- name: delete
WITH retired AS (
    UPDATE segment_versions SET state = 'retired', superseded_by = %(position)s
    WHERE segment_no = %(segment_no)s AND state = 'serving'
), unused AS (
    DELETE FROM segment_uses WHERE segment_no = %(segment_no)s
)
DELETE FROM segments WHERE segment_no = %(segment_no)s

-- name: chunk_end
-- The last customer of the next chunk, and its size. Customers created after the edit take no part.
SELECT max(customer_no), count(*)
FROM (
    SELECT customer_no
    FROM customers
    WHERE account_id = %(account_id)s AND customer_no > %(after)s AND customer_no < %(before)s
    ORDER BY customer_no
    LIMIT %(size)s
) AS chunk

-- name: plan_for
-- The worker's session probes by key (projections.postgres.database); a chunk is read whole. No nested loops there:
-- right after a load, statistics count no members, and each customer would be compared with all members of the chunk.
SELECT set_config('enable_hashjoin', %(whole_tables)s, true), set_config('enable_mergejoin', %(whole_tables)s, true),
       set_config('enable_seqscan', %(whole_tables)s, true),
       set_config('enable_nestloop', CASE %(whole_tables)s WHEN 'on' THEN 'off' ELSE 'on' END, true)

-- name: fill_chunk
-- Members of the new version as of the edit, and the joins and leaves that the edit caused. A customer touched by the
-- time that passed up to the edit has the edit's own position, and still belongs to the chunk. The filter is evaluated
-- once for each customer: those who were not members are here only where it holds.
WITH touched AS MATERIALIZED (
    SELECT c.customer_no, o.customer_no IS NULL OR {predicate} AS member, o.joined_at, o.position
    FROM customers c {facts}
    LEFT JOIN members o
        ON o.version_no = {previous} AND o.customer_no = c.customer_no
        AND o.customer_no > {after} AND o.customer_no <= {last}
    WHERE c.account_id = {account} AND c.customer_no > {after} AND c.customer_no <= {last} AND c.position <= {version}
      AND (o.customer_no IS NOT NULL OR {predicate})
), flipped AS (
    INSERT INTO membership_history (customer_no, version_no, position, at, joined, cause, account_id)
    SELECT customer_no, {version}, {version}, 'epoch'::timestamptz + {began} * interval '1 microsecond', member,
           'edit', {account}
    FROM touched
    WHERE member <> (joined_at IS NOT NULL)
), filled AS (
    INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
    SELECT {version}, customer_no, coalesce(joined_at, 'epoch'::timestamptz + {began} * interval '1 microsecond'),
           coalesce(position, {version}), {account}
    FROM touched
    WHERE member
)
SELECT count(*) FILTER (WHERE member), count(*) FILTER (WHERE member AND joined_at IS NULL),
       count(*) FILTER (WHERE NOT member)
FROM touched

-- name: fill_first_chunk
-- The same for a segment that had no version before.
WITH touched AS MATERIALIZED (
    SELECT c.customer_no
    FROM customers c {facts}
    WHERE c.account_id = {account} AND c.customer_no > {after} AND c.customer_no <= {last}
      AND c.position <= {version} AND {predicate}
), flipped AS (
    INSERT INTO membership_history (customer_no, version_no, position, at, joined, cause, account_id)
    SELECT customer_no, {version}, {version}, 'epoch'::timestamptz + {began} * interval '1 microsecond', true, 'edit',
           {account}
    FROM touched
), filled AS (
    INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
    SELECT {version}, customer_no, 'epoch'::timestamptz + {began} * interval '1 microsecond', {version}, {account}
    FROM touched
)
SELECT count(*), count(*), 0 FROM touched

-- name: advance_build
UPDATE segment_versions
SET built_to = %(built_to)s, members = members + %(members)s
WHERE version_no = %(version_no)s

-- name: next_purge
-- Not while an audience is being copied from it, nor before the switch to the next one is in the change stream.
SELECT version_no FROM segment_versions v
WHERE state IN ('retired', 'cancelled') AND NOT purged AND shard_of(account_id) = ANY (%(shards)s::int[])
  AND NOT EXISTS (SELECT FROM audiences a
                  WHERE NOT a.counted AND NOT a.complete AND v.version_no = ANY (a.included || a.left_out))
  AND NOT EXISTS (SELECT FROM switches_to_append s WHERE s.previous = v.version_no)
ORDER BY version_no
LIMIT 1

-- name: purge_chunk
DELETE FROM members
WHERE version_no = %(version_no)s
  AND customer_no <= (SELECT max(customer_no)
                      FROM (SELECT customer_no FROM members WHERE version_no = %(version_no)s ORDER BY customer_no
                            LIMIT %(size)s) AS first)

-- name: purged
UPDATE segment_versions SET purged = true WHERE version_no = %(version_no)s
