-- Customers whose part of a switch was appended to the change stream before their step, because they joined or left after
-- the switch (deploy/docs/decisions/0065).
CREATE TABLE rollcall.switched_customers (
    version_no  bigint REFERENCES rollcall.switches_to_append ON DELETE CASCADE,
    customer_no bigint,
    PRIMARY KEY (version_no, customer_no)
);
ALTER TABLE rollcall.switched_customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY every_account ON rollcall.switched_customers TO rollcall_worker USING (true);
GRANT SELECT, INSERT ON rollcall.switched_customers TO rollcall_worker;
