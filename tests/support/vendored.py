"""Files of other projects that are kept here unchanged: fetches them anew from their packages.

Run as `python -m tests.support.vendored` (or `make vendor`), which needs npm. Beside the files of a folder stands a
`vendor.json`: for each file its package, version, licence, its path in the package and its SHA-384. To take another
version, write it there and run this. `tests/unit/deploy/test_vendored.py` compares the hashes in every run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    ROOT / "api/console/static/vendor",
    ROOT / "api/docs/static/vendor",
    ROOT / "tests/browser/vendor",
)
LIST = "vendor.json"


def vendored(folder: Path) -> list[dict[str, str]]:
    """What `vendor.json` says of each file of the folder."""
    listed: list[dict[str, str]] = json.loads((folder / LIST).read_text())
    return listed


def sha384(path: Path) -> str:
    """A file's hash as browsers write it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def fetch(folder: Path) -> None:
    """Write the folder's files anew from their packages, and their hashes into the list."""
    files = vendored(folder)
    with tempfile.TemporaryDirectory() as place:
        for name in sorted({f"{file['name']}@{file['version']}" for file in files}):
            package = _unpacked(name, Path(place) / name.replace("/", "-"))
            for file in files:
                if name == f"{file['name']}@{file['version']}":
                    (folder / file["file"]).write_bytes((package / file["path"]).read_bytes())
                    file["sha384"] = sha384(folder / file["file"])
    (folder / LIST).write_text(json.dumps(files, indent=2) + "\n")


def _unpacked(name: str, place: Path) -> Path:
    place.mkdir()
    packed: Any = json.loads(
        subprocess.run(
            ["npm", "pack", "--silent", "--json", name], cwd=place, check=True, capture_output=True, text=True
        ).stdout
    )
    described = packed[0] if isinstance(packed, list) else next(iter(packed.values()))
    with tarfile.open(place / described["filename"]) as archive:
        archive.extractall(place, filter="data")
    return place / "package"


if __name__ == "__main__":
    for each in FOLDERS:
        fetch(each)
        for known in vendored(each):
            print(f"{known['file']:20} {known['name']} {known['version']}, {known['licence']}, {known['sha384'][:20]}…")
