"""The processes that work until they are asked to stop: `api`, `ingest` and `project`, each in a module of its own.

`deploy.main` imports only the one that it runs, so that a worker does not carry the web server.
"""
