"""What a worker, or verify, reads of the read model before it begins."""
