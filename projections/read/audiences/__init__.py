"""Queries that compare audiences: how segments overlap, and who is in one frozen audience and not in another."""
