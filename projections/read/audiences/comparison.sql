-- name: came
SELECT coalesce(sum(bit_count(r.bits & ~coalesce(o.bits, 0::bit(512)))), 0)
FROM audience_blocks r
LEFT JOIN audience_blocks o ON o.audience_no = %(earlier)s::bigint AND o.block_no = r.block_no
WHERE r.account_id = %(account_id)s::uuid AND r.audience_no = %(later)s::bigint
