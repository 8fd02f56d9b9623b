"""The processes that work until they are asked to stop: `api`, `ingest`, `project`, `publish`, each in its own module.

`deploy.main` imports only the one that it runs, so that a worker does not carry the web server.
"""
