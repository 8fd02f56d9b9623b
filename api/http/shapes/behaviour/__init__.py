"""What customers did, as `/v1` shows what is known of it."""
