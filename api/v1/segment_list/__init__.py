"""What lists of segments show and do beside the segments themselves. `api.app` lists the routers."""

from api.v1.segment_list import copies, labels, versions

__all__ = ["copies", "labels", "versions"]
