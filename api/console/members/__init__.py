"""The console's pages about a segment's customers, and about many at once. `api.console.app` lists their routers."""

from api.console.members import (
    changes,
    csv_import,
    customer_edit,
    emptying,
    export,
    job_progress,
    listing,
    past_imports,
    selected,
)

__all__ = [
    "changes",
    "csv_import",
    "customer_edit",
    "emptying",
    "export",
    "job_progress",
    "listing",
    "past_imports",
    "selected",
]
