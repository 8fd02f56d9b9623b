"""Skewed accounts over shards and workers, and over cells: the share of the busiest, by arithmetic."""
