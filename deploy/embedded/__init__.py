"""What `rollcall up` starts when nothing else is given: PostgreSQL and a broker from wheels, and the process tree."""
