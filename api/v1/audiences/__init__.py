"""What compares audiences: the overlap of chosen segments, and frozen audiences with each other."""

from api.v1.audiences import frozen, overlap

routers = (overlap.router, frozen.router)
__all__ = ["routers"]
