"""The read models: the log turned into tables, and every query on them. The only place with SQL."""
