"""Freshness: how long a change takes from its publication, or a request, until reads show it."""
