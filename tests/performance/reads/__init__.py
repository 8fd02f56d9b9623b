"""Reads at a fixed rate, alone and beside a stream of changes."""
