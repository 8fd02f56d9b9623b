-- name: live_state
-- In one snapshot: the position, and how far time has passed in each account for which it is passing. By way of JSON,
-- because the model in use may be of a release that had no such columns.
SELECT p.position, a.account_id, (a.fields->>'passing_position')::bigint,
       (extract(epoch FROM (a.fields->>'time_passed_to')::timestamptz) * 1000000)::bigint,
       (a.fields->>'passed_customer_no')::bigint
FROM {live}.projection p
LEFT JOIN (SELECT account_id, to_jsonb(t) AS fields FROM {live}.accounts t) AS a
    ON a.fields->>'passing_position' IS NOT NULL
