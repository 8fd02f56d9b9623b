-- name: flip
-- The flips of one version at the instants at which its windows let facts of some customers go. A membership as of an
-- instant is what is evaluated there; as of the first one, that of before. Account and version come with every row: of
-- a new one, statistics say that it has no rows, and all of them would be compared with each of these customers.
WITH pairs AS MATERIALIZED (
    {pairs}
), evaluated AS MATERIALIZED (
    SELECT p.version_no, c.customer_no, p.at, {predicate} AS holds, m.customer_no IS NOT NULL AS was_member
    FROM pairs p
    JOIN customers c ON c.account_id = p.account_id AND c.customer_no = p.customer_no
    LEFT JOIN members m ON m.version_no = p.version_no AND m.customer_no = p.customer_no
    WHERE c.position <= {position} AND c.updated_at < p.at
), flipped AS MATERIALIZED (
    SELECT version_no, customer_no, at, holds AS joined,
           row_number() OVER (PARTITION BY customer_no ORDER BY at) AS nth,
           lead(at) OVER (PARTITION BY customer_no ORDER BY at) IS NULL AS is_last
    FROM (SELECT version_no, customer_no, at, holds,
                 lag(holds, 1, was_member) OVER (PARTITION BY customer_no ORDER BY at) AS was
          FROM evaluated) AS e
    WHERE holds <> was
), history AS (
    INSERT INTO membership_history (customer_no, version_no, position, at, joined, cause, account_id)
    SELECT customer_no, {version}, {position}, at, joined, 'time', {account} FROM flipped
), ends AS MATERIALIZED (
    -- The first and the last flip of each customer: the sessions of the worker do not hash, so nothing is joined here.
    SELECT version_no, customer_no, bool_or(joined) FILTER (WHERE nth = 1) AS joins_first,
           bool_or(joined) FILTER (WHERE is_last) AS joins_last, max(at) AS at
    FROM flipped
    GROUP BY version_no, customer_no
), gone AS (
    -- Those who come back within the window keep their row, which says since when.
    DELETE FROM members m
    USING ends e
    WHERE NOT e.joins_first AND NOT e.joins_last AND m.version_no = e.version_no AND m.customer_no = e.customer_no
    RETURNING m.customer_no
), back AS (
    UPDATE members m
    SET joined_at = e.at, position = {position}
    FROM ends e
    WHERE NOT e.joins_first AND e.joins_last AND m.version_no = e.version_no AND m.customer_no = e.customer_no
    RETURNING m.customer_no
), came AS (
    INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
    SELECT {version}, customer_no, at, {position}, {account} FROM ends WHERE joins_first AND joins_last
), {published}
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM back), (SELECT count(*) FROM ends WHERE NOT joins_first),
       count(*) FILTER (WHERE joined), count(*) FILTER (WHERE NOT joined)
FROM flipped

-- name: pairs
-- Customer by customer, whatever statistics say of facts of the last seconds: OFFSET 0 keeps the planner from turning
-- the join, and without the account it cannot read all facts of these seconds, maybe very many, for each customer.
SELECT {account} AS account_id, {version}::bigint AS version_no, n.customer_no, f.at
FROM unnest({numbers}::bigint[]) AS n (customer_no)
CROSS JOIN LATERAL (SELECT time + {length} * interval '1 microsecond' AS at
                    FROM activities
                    WHERE customer_no = n.customer_no AND activity = {activity} AND time > {after} AND time <= {until}
                    OFFSET 0) AS f
