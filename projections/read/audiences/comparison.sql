-- name: came
SELECT count(*)
FROM audience_recipients r
WHERE r.account_id = %(account_id)s::uuid AND r.audience_no = %(later)s::bigint
  AND NOT EXISTS (SELECT
                  FROM audience_recipients o
                  WHERE o.audience_no = %(earlier)s::bigint AND o.customer_no = r.customer_no)
