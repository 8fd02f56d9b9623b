"""Flips that time causes, found and written in SQL for many customers at once."""
