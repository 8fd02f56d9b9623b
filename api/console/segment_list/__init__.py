"""The list of segments and what is done in it. `api.console.app` lists the routers."""

from api.console.segment_list import labels, listing, selected

__all__ = ["labels", "listing", "selected"]
