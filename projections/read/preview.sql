-- name: count
-- One parallel scan that evaluates each condition once (OFFSET 0 keeps the planner from repeating them), and counts by
-- block of neighbouring customers. Returns the sum of matches, the newest blocks that have any, from which the sample is
-- taken, the members of the version that is compared, and those of them who match; then the sum of each node.
SELECT coalesce(sum(found), 0)::bigint, (array_agg(block ORDER BY block DESC) FILTER (WHERE found > 0))[:{most}],
       coalesce(sum(members), 0)::bigint, coalesce(sum(stay), 0)::bigint{sums}
FROM (
    SELECT block, count(*) FILTER (WHERE {matches}) AS found, count(*) FILTER (WHERE is_member) AS members,
           count(*) FILTER (WHERE is_member AND {matches}) AS stay{counts}
    FROM (SELECT c.customer_no >> 10 AS block, {is_member} AS is_member, {conditions}
          FROM customers c{members} {facts}
          WHERE c.account_id = {account}
          OFFSET 0) AS c
    GROUP BY block
) AS blocks

-- name: with_members
 LEFT JOIN members m ON m.version_no = {serving} AND m.customer_no = c.customer_no

-- name: estimate
SELECT count(*), count(*) FILTER (WHERE {matches}){counts}
FROM (SELECT {conditions}
      FROM customers c TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1) {facts}
      WHERE c.account_id = {account}
      OFFSET 0) AS c

-- name: sample
SELECT customer_no, customer_id, version, created_at, updated_at,
       with_computed({account}, customer_no, attributes)::text
FROM (SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at, c.attributes
      FROM unnest({blocks}::bigint[]) AS b (block)
      JOIN customers c ON c.customer_no >= b.block << 10 AND c.customer_no < (b.block + 1) << 10
      WHERE c.account_id = {account} AND {predicate}
      ORDER BY c.customer_no DESC
      LIMIT {most}) AS newest

-- name: prepare
-- Parallelism always pays here, but the planner overestimates the number of groups: so it is made free.
SELECT set_config('statement_timeout', %s, true), set_config('parallel_setup_cost', '0', true),
       set_config('parallel_tuple_cost', '0', true),
       set_config('max_parallel_workers_per_gather',
                  CASE WHEN %s::boolean THEN current_setting('max_parallel_workers_per_gather') ELSE '0' END, true)
