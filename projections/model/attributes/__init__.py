"""What is known of the attributes of an account: how many customers have a value, and which values."""
