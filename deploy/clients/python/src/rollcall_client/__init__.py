"""A client of Rollcall: customer segments that are always up to date."""

from rollcall_client.client import Rollcall
from rollcall_client.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    Mistake,
    NotFound,
    Problem,
    RollcallError,
    ServerFault,
    StaleVersion,
    StreamCutOff,
    TryLater,
    Unauthorized,
    Unreachable,
)
from rollcall_client.filters import Condition, Filter, FilterNode

__all__ = [
    "Condition",
    "Conflict",
    "Filter",
    "FilterNode",
    "Forbidden",
    "Gone",
    "Invalid",
    "Mistake",
    "NotFound",
    "Problem",
    "Rollcall",
    "RollcallError",
    "ServerFault",
    "StaleVersion",
    "StreamCutOff",
    "TryLater",
    "Unauthorized",
    "Unreachable",
]
