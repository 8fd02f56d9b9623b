"""The console's pages about campaigns and frozen audiences. `api.console.app` lists their routers."""

from api.console.campaigns import audiences, comparison, form, listing, overlap, page

__all__ = ["audiences", "comparison", "form", "listing", "overlap", "page"]
