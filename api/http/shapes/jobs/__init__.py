"""The bodies and answers of jobs."""
