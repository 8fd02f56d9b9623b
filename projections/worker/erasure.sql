-- name: forget_history
DELETE FROM membership_history WHERE customer_no = ANY (%b::bigint[])
