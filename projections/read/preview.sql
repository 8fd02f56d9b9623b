-- name: count
-- One parallel scan: counts matches by block of neighbouring customers. Returns their sum and the newest blocks that
-- have any; the sample is taken from those.
SELECT coalesce(sum(found), 0)::bigint, (array_agg(block ORDER BY block DESC))[:{most}]
FROM (
    SELECT c.customer_no >> 10 AS block, count(*) AS found
    FROM customers c
    WHERE c.account_id = {account} AND {predicate}
    GROUP BY 1
) AS blocks

-- name: sample
SELECT c.customer_no, c.customer_id, c.version, c.created_at, c.updated_at, c.attributes::text
FROM unnest({blocks}::bigint[]) AS b (block)
JOIN customers c ON c.customer_no >= b.block << 10 AND c.customer_no < (b.block + 1) << 10
WHERE c.account_id = {account} AND {predicate}
ORDER BY c.customer_no DESC
LIMIT {most}

-- name: prepare
-- Parallelism always pays here, but the planner overestimates the number of groups: so it is made free.
SELECT set_config('statement_timeout', %s, true), set_config('parallel_setup_cost', '0', true),
       set_config('parallel_tuple_cost', '0', true),
       set_config('max_parallel_workers_per_gather',
                  CASE WHEN %s::boolean THEN current_setting('max_parallel_workers_per_gather') ELSE '0' END, true)
