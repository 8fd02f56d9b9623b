"""The HTTP API and the console: `app` makes the application.

`http` is how both speak HTTP, `csv_import` runs imports, `v1` holds the endpoints by noun, `console` the pages.
"""
