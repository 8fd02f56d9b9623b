"""The processes that work until they are asked to stop, each in its own module, called as its command.

`deploy.main` imports only the one that it runs, so that a worker does not carry the web server.
"""
