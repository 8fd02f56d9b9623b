"""The console's pages about customers, whichever segments they are in. `api.console.app` lists their routers."""

from api.console.customers import erasure, export, listing, page

__all__ = ["erasure", "export", "listing", "page"]
