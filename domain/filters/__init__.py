"""What a filter means: operators, conditions, regions of values, wording.

Imports only the standard library, pydantic and the domain's values.
"""
