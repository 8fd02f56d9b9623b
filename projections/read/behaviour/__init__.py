"""What customers did, as it is answered."""
