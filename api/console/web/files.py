"""Files that people download: their names, and cells that a spreadsheet does not run (`api.csv_import.formulas`)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from fastapi import Response


def as_file(answer: Response, name: str) -> Response:
    """Makes the browser save an answer under a name; older browsers use its ASCII letters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")
    answer.headers["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    answer.headers["Cache-Control"] = "no-store"
    return answer
