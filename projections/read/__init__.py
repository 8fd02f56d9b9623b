"""The queries of the read model, for the API and the console.

Each call runs inside the caller's transaction, so that one response comes from one snapshot.
"""
