-- name: facts_of_chunk
{join} (
    SELECT f.customer_no, {columns}
    FROM activities f
    WHERE f.customer_no > {after} AND f.customer_no <= {last} AND f.account_id = {account} AND {facts}
    GROUP BY f.customer_no
) AS b ON b.customer_no = c.customer_no

-- name: facts_of_each
CROSS JOIN LATERAL (SELECT {columns} FROM activities f WHERE f.customer_no = c.customer_no AND {facts}) AS b
