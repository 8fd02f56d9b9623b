"""The system of record: the event recorder and the tables that are migrated, backed up and never rebuilt."""
