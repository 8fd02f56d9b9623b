"""The console's pages about a segment's customers. `api.console.app` lists their routers."""

from api.console.members import changes, csv_import, customer_edit, listing

__all__ = ["changes", "csv_import", "customer_edit", "listing"]
