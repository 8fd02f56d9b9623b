"""Texts for people, and the languages in which they are read."""
