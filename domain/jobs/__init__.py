"""Jobs: one thing to be done to many customers, in parts. See `domain.commands.jobs`."""
