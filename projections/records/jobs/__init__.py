"""Jobs as rows. Never rebuilt."""
