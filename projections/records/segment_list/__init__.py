"""What people keep of lists of segments. Never rebuilt."""
