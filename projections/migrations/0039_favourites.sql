-- The segments that a person of the console keeps at hand. They go with the person; those of deleted segments stay,
-- because ids of segments are not records, and are shown nowhere.
CREATE TABLE rollcall.favourite_segments (
    account_id uuid NOT NULL,
    person_id  uuid NOT NULL REFERENCES rollcall.people ON DELETE CASCADE,
    segment_id uuid NOT NULL,
    PRIMARY KEY (person_id, segment_id)
);
ALTER TABLE rollcall.favourite_segments ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON rollcall.favourite_segments TO rollcall_api
    USING (account_id = (SELECT rollcall.current_account()));
GRANT SELECT, INSERT, DELETE ON rollcall.favourite_segments TO rollcall_api;
