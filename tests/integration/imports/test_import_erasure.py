"""A customer is erased while a file with their number is imported: they are not created again, and nothing remains."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest
from httpx import Client

from domain.commands.imports import ImportCommands
from domain.commands.log import Log
from tests.integration.projections.test_erasure import places
from tests.support.imports import CLASSES, counts, ran, upload
from tests.support.installation import Installation

MARIA = ("+351912345678", "912345678", "912 345 678", "+351919999999", "Maria Inês", "person-77")
THEIR_FILE = (
    "phone,name\n" + "".join(f"91300{n:04},n{n}\n" for n in range(20)) + "{}"
    + "".join(f"91300{n:04},n{n}\n" for n in range(20, 40)) + "912 345 678,Maria Inês\n919999999,Maria Inês\n"
    "91300,Rui\n912-345-678,Maria In\ufffds\n\"912 345 678,Maria Inês\n00351912345678,Maria Inês,her,cells\n"
    "912345678 Maria Inês,\n"
)  # fmt: skip


@pytest.mark.parametrize("earlier", ["", "912345678,M\ufffd\n912345678,Maria Inês,too many\n"])
@pytest.mark.parametrize("instant", ["between two chunks", "between deciding and storing"])
def test_a_customer_erased_during_an_import_leaves_no_trace(
    client: Client, installation: Installation, into: str, monkeypatch: pytest.MonkeyPatch, instant: str, earlier: str
) -> None:
    """Their old and new number, written in every way, before and after the erasure."""
    monkeypatch.setattr("api.csv_import.chunks.CHUNK", 10)
    for phone in ("+351919999999", "+351912345678"):
        client.put("/v1/customers/person-77", json={"phone": phone, "name": "Maria Inês"}).raise_for_status()
    who = client.get("/v1/customers/person-77").json()["id"]
    address = upload(client, into, THEIR_FILE.format(earlier))
    owner, method = (ImportCommands, "ingest") if instant == "between two chunks" else (Log, "append")
    real, stored = getattr(owner, method), list[int]()

    def erasing(self: object, *arguments: Any, **named: Any) -> Any:
        stored.append(1)
        if len(stored) == 4:
            client.delete(f"/v1/customers/{who}").raise_for_status()
        return real(self, *arguments, **named)

    monkeypatch.setattr(owner, method, erasing)
    installation.run_imports()
    found = client.get(address).json()
    assert (found["state"], found["lines"]) == ("done", sum(found[each] for each in CLASSES))
    broken = earlier.count("\n")
    assert {key: found[key] for key in CLASSES if found[key]} == {"created_customers": 40, "invalid": 7 + broken}
    rows = list(csv.DictReader(StringIO(client.get(f"{address}/errors.csv").text)))
    assert [(row["phone"], row["error_code"]) for row in rows] == [
        ("", "customer_erased"), ("", "customer_erased"), ("91300", "invalid_phone"), ("", "unreadable_characters"),
        ("", "unclosed_quote"), ("", "too_many_cells"), ("", "invalid_phone"),
    ]  # fmt: skip
    client.get("/v1/customers", params={"min_position": found["position"]}).raise_for_status()
    assert not places(installation, MARIA)
    again = ran(client, installation, into, "phone,name\n912345678,Maria Inês\n")
    assert counts(again) == {"created_customers": 1}, "a file that came after the erasure is newer than it"


def test_an_erasure_is_remembered_no_longer_than_the_import_runs(
    client: Client, installation: Installation, into: str
) -> None:  # fmt: skip
    """Also where the import fails; another import that met no erasure is not touched."""
    client.put("/v1/customers/person-77", json={"phone": "912345678", "name": "Maria Inês"}).raise_for_status()
    address = upload(client, into, "phone,name\n912345678,Maria Inês\n")
    client.delete("/v1/customers/person-77").raise_for_status()
    assert places(installation, MARIA) >= {"rollcall.import_erasures"}
    client.delete(f"/v1/segments/{into}").raise_for_status()
    installation.run_imports()
    found = client.get(address).json()
    assert (found["state"], found["failure"]["code"]) == ("failed", "segment_deleted")
    assert not places(installation, MARIA)


INVALID_ROWS = (
    'phone,name\n12, MARIA  Inês \n12,Maria Inês de Sá\n12,Rui\n12,Maria\n12,M\0aria Inês\n12,Maria Inês,"too, many"\n'
)


def names_in_errors(client: Client, address: str) -> list[str]:
    return [row["name"] for row in csv.DictReader(StringIO(client.get(f"{address}/errors.csv").text))]


def test_an_erasure_reaches_rejected_rows_by_all_words_of_the_name_and_no_other_rows(
    client: Client, installation: Installation, into: str
) -> None:
    client.put("/v1/customers/person-77", json={"name": "Ana"}).raise_for_status()
    client.put("/v1/customers/person-77", json={"name": "Maria Inês"}).raise_for_status()
    address = upload(client, into, INVALID_ROWS)
    apart = upload(client, into, "phone,first name,last name\n12,maria,inês\n12,Inês,Maria\n12,Maria,Sá\n")
    installation.run_imports()
    assert len(names_in_errors(client, address)) == 6
    client.delete("/v1/customers/person-77").raise_for_status()
    assert names_in_errors(client, address) == ["Rui", "Maria"]
    rows = list(csv.DictReader(StringIO(client.get(f"{apart}/errors.csv").text)))
    assert [(row["first name"], row["last name"]) for row in rows] == [("Maria", "Sá")]


@pytest.mark.parametrize(
    ("name", "gone", "kept"),
    [
        (
            "María Gómez Pérez",
            ["Gómez Pérez, Maria", "maria gomez perez", "call María Gómez  Pérez, tomorrow", "PÉREZ GÓMEZ (MARÍA)"],
            ["María Gómez", "Gómez Pérez, Mario", "Mariagomez Perez"],
        ),
        ("Seán O'Neil", ["oneil sean", "O\u2019Neil, Sean", "SEAN O NEIL"], ["Sean Neil", "O'Neil"]),
        ("Müller", ["muller", " MÜLLER! "], ["Anna Muller", "Mueller"]),
        ("Łukasz Weiß", ["weiss lukasz"], ["Lukas Weiß"]),
        ("王小明", ["请联系王小明", "王小明 先生"], ["王小红"]),
        ("Σωκράτης Ωνάσης", ["ΩΝΑΣΗΣ ΣΩΚΡΑΤΗΣ"], ["Σωκράτης"]),
        ("***", [], ["***", "Rui"]),
    ],
)
def test_an_erased_name_is_found_by_its_words(
    client: Client, installation: Installation, into: str, name: str, gone: list[str], kept: list[str]
) -> None:
    client.put("/v1/customers/person-77", json={"name": name}).raise_for_status()
    text = StringIO()
    csv.writer(text).writerows([["phone", "name"], *(["12", each] for each in [*gone, *kept])])
    address = upload(client, into, text.getvalue())
    installation.run_imports()
    assert len(names_in_errors(client, address)) == len(gone) + len(kept)
    client.delete("/v1/customers/person-77").raise_for_status()
    assert [each.strip() for each in names_in_errors(client, address)] == kept


def test_a_name_that_is_erased_while_an_import_runs_is_not_kept_from_its_later_rows(
    client: Client, installation: Installation, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.csv_import.chunks.CHUNK", 2)
    client.put("/v1/customers/person-77", json={"name": "Maria Inês"}).raise_for_status()
    address = upload(client, into, "phone,name\n" + "12,Maria Inês\n12,Rui\n" * 3)
    real, stored = ImportCommands.ingest, list[int]()

    def erasing(self: object, *arguments: Any, **named: Any) -> Any:
        stored.append(1)
        if len(stored) == 2:
            client.delete("/v1/customers/person-77").raise_for_status()
        return real(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ImportCommands, "ingest", erasing)
    installation.run_imports()
    assert client.get(address).json()["invalid"] == 6
    assert names_in_errors(client, address) == ["Rui"] * 3
    with installation.owner() as owner:
        assert owner.execute("SELECT count(*) FROM rollcall.import_erased_names").fetchone() == (0,)
