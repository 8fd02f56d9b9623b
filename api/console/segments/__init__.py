"""The console's pages about segments. `api.console.app` lists their routers."""

from api.console.segments import creation, deletion, edit, history, listing, preview, why

__all__ = ["creation", "deletion", "edit", "history", "listing", "preview", "why"]
