"""JSON in requests and responses, by noun, and how it appears in the OpenAPI document.

A request body is a pydantic model. An answer is a `TypedDict`, made by a `show_` function: the type checker compares
it with what the document promises. The console shows some of the same shapes on its pages.
"""
