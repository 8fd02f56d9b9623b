-- name: counted
-- Flips, in `flipped`, as members of their versions.
counted AS (
    UPDATE segment_versions v
    SET members = v.members + t.change
    FROM (SELECT version_no, sum(CASE WHEN joined THEN 1 ELSE -1 END) AS change FROM flipped GROUP BY version_no) AS t
    WHERE v.version_no = t.version_no
)

-- name: moved
-- The joins and leaves among them, by minute.
(SELECT version_no, {position} AS position, date_trunc('minute', at) AS at, false AS by_edit,
        count(*) FILTER (WHERE joined) AS joins, count(*) FILTER (WHERE NOT joined) AS leaves
 FROM flipped
 GROUP BY version_no, date_trunc('minute', at))

-- name: flips
(SELECT customer_no, version_no, {position} AS position, at, joined, 'time' AS cause, {account} AS account_id FROM flipped)
