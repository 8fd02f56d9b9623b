"""The console's first page. `api.console.app` lists its router."""

from api.console.overview import page

__all__ = ["page"]
