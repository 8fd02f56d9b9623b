"""Filters as SQL expressions: of the values of a row, and of what facts come to."""
