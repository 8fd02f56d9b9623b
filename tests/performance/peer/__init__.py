"""A peer in the same run: an incremental engine that keeps the same segments from the same stream."""
