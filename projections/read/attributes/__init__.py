"""What is known of the attributes of an account, read for people who choose them."""
