"""The projection worker: reads the log and keeps the read model up to date."""
