"""The console's pages about one segment. `api.console.app` lists their routers."""

from api.console.segments import copies, creation, deletion, edit, history, names, preview, versions, why

__all__ = ["copies", "creation", "deletion", "edit", "history", "names", "preview", "versions", "why"]
