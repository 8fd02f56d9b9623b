"""The console's pages about campaigns and frozen audiences. `api.console.app` lists their routers."""

from api.console.campaigns import audiences, form, listing, page

__all__ = ["audiences", "form", "listing", "page"]
