"""What customers do, in the read model: facts, and what is known of activities."""
