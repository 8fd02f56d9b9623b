"""What callers ask for: each command checks, decides and appends events to the log."""
