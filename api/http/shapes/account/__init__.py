"""Shapes of what is said about an account as a whole."""
