"""The queries of the read model, for the API and the console.

Each call runs inside the caller's transaction, so that one response comes from one snapshot.
"""

# A page of a list ends early after the row that fills it: one row may be as large as a whole page of others.
MOST_BYTES = 4 << 20
