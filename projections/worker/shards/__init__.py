"""Shards: what the workers divide among themselves, and how far each has been projected."""
