"""What the doors ask of the read models.

Each call runs inside the caller's transaction, so that one answer is one snapshot.
"""
