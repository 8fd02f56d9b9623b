-- A suppressed number is found among customers' numbers by eight bytes of its hash, which the read model keeps of every
-- customer's number while it has the number itself. The whole hash decides.

-- The bytes of any hash of `number_sha256`, as a number.
CREATE FUNCTION rollcall.number_key(number_sha256 bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT ('x' || encode(substr(number_sha256, 1, 8), 'hex'))::bit(64)::bigint $$;

ALTER TABLE rollcall.suppressed_numbers
    ADD COLUMN number_key bigint NOT NULL GENERATED ALWAYS AS (rollcall.number_key(number_sha256)) STORED;
CREATE INDEX suppressed_numbers_key ON rollcall.suppressed_numbers (account_id, number_key);
