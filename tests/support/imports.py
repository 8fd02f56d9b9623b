"""CSV imports as their tests make them: uploaded over HTTP, run, and counted by class."""

from __future__ import annotations

from typing import Any

from httpx import Client

from tests.support.installation import Installation

CLASSES = ("added", "already_members", "created_customers", "duplicates_in_file", "blank", "invalid")


def upload(client: Client, into: str, content: bytes | str, *, asked: str = "", **headers: str) -> str:
    """Send a file to a segment; `asked` is a query. Returns the path of its import."""
    content = content.encode() if isinstance(content, str) else content
    address = f"/v1/segments/{into}/imports{asked}"
    answered = client.post(address, files={"file": ("list.csv", content)}, headers=headers)
    assert answered.status_code == 202, answered.text
    assert answered.headers["Location"] == f"/v1/imports/{answered.json()['id']}"
    return str(answered.headers["Location"])


def ran(client: Client, installation: Installation, into: str, content: bytes | str, asked: str = "") -> dict[str, Any]:
    """An import after its end; its counts without the zeros."""
    address = upload(client, into, content, asked=asked)
    installation.run_imports()
    found = client.get(address).json()
    assert found["lines"] == sum(found[each] for each in CLASSES)
    client.get("/v1/customers", params={"min_position": found["position"]}).raise_for_status()
    return {key: value for key, value in found.items() if value not in (0, None)}


def counts(found: dict[str, Any]) -> dict[str, int]:
    """The classes of an import that have lines."""
    return {key: found[key] for key in CLASSES if key in found}
