"""What an account looks like today, at a glance."""
