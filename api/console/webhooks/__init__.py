"""The console's pages about webhooks. `api.console.app` lists their routers."""

from api.console.webhooks import actions, form, listing, page

__all__ = ["actions", "form", "listing", "page"]
