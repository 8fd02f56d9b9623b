"""The backlog of one account, projected by several workers at once."""
