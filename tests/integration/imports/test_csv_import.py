"""CSV imports: every line in exactly one class, corrected files, the same file twice."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest
from httpx import Client

from tests.support.imports import counts, ran, upload
from tests.support.installation import Installation


def people(client: Client, address: str) -> dict[str, str | None]:
    page = client.get(address, params={"limit": 200}).json()
    return {each["phone"]: each["name"] for each in page["data"]}


def test_every_line_ends_in_one_class(client: Client, installation: Installation, into: str) -> None:
    for number, phone in enumerate(("+351912000001", "+351912000002")):
        client.put(f"/v1/customers/c{number}", json={"phone": phone, "name": f"known {number}"}).raise_for_status()
    known = client.get("/v1/customers/c0").json()["id"]
    client.post(f"/v1/segments/{into}/members", json={"customer_ids": [known]}).raise_for_status()
    found = ran(
        client, installation, into,
        "phone,name,Opted out,,city\n912000001,x\n+351 912 000 002,x\n"
        "00351912000003,New\n912-000-003,New\n\n,\n,nameless\n12,short\n"
        "3.51912E+11,sci\n351912000004.0,dec\nabc,x\n912000005,\n",
    )  # fmt: skip
    assert counts(found) == {
        "added": 1, "already_members": 1, "created_customers": 2, "duplicates_in_file": 1, "blank": 2, "invalid": 5
    }  # fmt: skip
    assert (found["state"], found["percent"], found["lines"]) == ("done", 100, 12)
    assert found["ignored_columns"] == ["Opted out", "city"]
    assert people(client, f"/v1/segments/{into}/members") == {
        "+351912000001": "known 0", "+351912000002": "known 1", "+351912000003": "New", "+351912000005": None
    }  # fmt: skip
    rows = list(csv.DictReader(StringIO(client.get(f"/v1/imports/{found['id']}/errors.csv").text)))
    assert [(int(row["row_number"]), row["name"], row["error_code"]) for row in rows] == [
        (8, "nameless", "phone_missing"), (9, "short", "invalid_phone"), (10, "sci", "phone_in_scientific_notation"),
        (11, "dec", "phone_as_decimal"), (12, "x", "invalid_phone"),
    ]  # fmt: skip
    assert all(row["error_message"] for row in rows)


def test_a_file_without_a_header_says_what_its_columns_hold(
    client: Client, installation: Installation, into: str
) -> None:
    content = "Ana;912000001;Braga;x\nRui;912000002;Faro\nbad;12\n"
    refused = client.post(f"/v1/segments/{into}/imports?header=false", files={"file": ("list.csv", content.encode())})
    assert (refused.status_code, refused.json()["code"]) == (422, "columns_required")
    found = ran(client, installation, into, content, "?header=false&columns=name,phone,attributes.town:text")
    assert counts(found) == {"created_customers": 2, "invalid": 1}
    assert (client.get(f"/v1/imports/{found['id']}").json()["header"], found["ignored_columns"]) == (False, ["D"])
    assert people(client, f"/v1/segments/{into}/members") == {"+351912000001": "Ana", "+351912000002": "Rui"}
    (row,) = csv.DictReader(StringIO(client.get(f"/v1/imports/{found['id']}/errors.csv").text))
    assert (row["name"], row["phone"], row["town"], row["row_number"]) == ("bad", "12", "", "3")
    town = next(each for each in client.get("/v1/attributes").json()["data"] if each["key"] == "town")
    assert town["label"] is None, "a letter is no name for an attribute"


def test_the_same_file_twice_changes_nothing(client: Client, installation: Installation, into: str) -> None:
    content = "phone,name\n" + "".join(f"91200{n:04},n{n}\n" for n in range(2_500))
    first = ran(client, installation, into, content)
    assert counts(first) == {"created_customers": 2_500}
    head = installation.rollcall.head()
    again = ran(client, installation, into, content)
    assert counts(again) == {"already_members": 2_500}
    assert installation.rollcall.head() == head
    assert client.get(f"/v1/segments/{into}").json()["members"]["count"] == 2_500


def test_the_position_of_an_import_includes_the_members_it_found_there(
    client: Client, installation: Installation, into: str
) -> None:  # fmt: skip
    first, again = (upload(client, into, "phone\n912000001\n") for _ in range(2))
    installation.run_imports()
    stored, found = client.get(first).json(), client.get(again).json()
    assert (counts(stored)["created_customers"], counts(found)["already_members"]) == (1, 1)
    assert found["position"] >= stored["position"]


def test_an_error_file_can_be_corrected_and_uploaded_again(
    client: Client, installation: Installation, into: str
) -> None:
    first = ran(client, installation, into, 'Nome;Telefone;Cidade\n"Sá; Ana";12;Porto\nRui;912000001;Faro\n')
    assert counts(first) == {"created_customers": 1, "invalid": 1}
    errors = client.get(f"/v1/imports/{first['id']}/errors.csv").text
    assert errors.startswith("Nome,Telefone,Cidade,row_number,error_code,error_message\r\nSá; Ana,12,Porto,2,")
    second = ran(client, installation, into, errors)
    assert counts(second) == {"invalid": 1}
    assert client.get(f"/v1/imports/{second['id']}/errors.csv").text == errors
    assert counts(ran(client, installation, into, errors.replace(",12,", ",912000002,"))) == {"created_customers": 1}
    assert people(client, "/v1/customers")["+351912000002"] == "Sá; Ana"


def test_an_error_file_escapes_formulas_and_unescapes_them_on_upload(
    client: Client, installation: Installation, into: str
) -> None:  # fmt: skip
    written = {
        "12": "=1+1", "13": "@SUM(1)", "14": "-2+3+cmd|' /C calc'!A0", "15": "\t=1", "+351 12": "- Ana", "=A1": "+ana"
    }  # fmt: skip
    content = StringIO()
    csv.writer(content).writerows(
        [["phone", "name", "=note"], *([phone, name, "x"] for phone, name in written.items())]
    )
    first = ran(client, installation, into, content.getvalue())
    assert counts(first) == {"invalid": len(written)}
    header, *rows = csv.reader(StringIO(client.get(f"/v1/imports/{first['id']}/errors.csv").text))
    assert not [cell for row in [header, *rows] for cell in row if cell.startswith(("=", "@", "-", "\t"))]
    assert [row[0] for row in rows] == ["12", "13", "14", "15", "+351 12", "'=A1"]
    corrected = StringIO()
    csv.writer(corrected).writerows([header, *([f"91200000{n}", *row[1:]] for n, row in enumerate(rows))])
    assert counts(ran(client, installation, into, corrected.getvalue())) == {"created_customers": len(written)}
    names = people(client, "/v1/customers")
    assert [names[f"+35191200000{n}"] for n in range(len(written))] == [each.strip() for each in written.values()]


def test_a_name_fills_only_an_empty_one_and_an_opt_out_stays(
    client: Client, installation: Installation, into: str
) -> None:  # fmt: skip
    client.put("/v1/customers/a", json={"phone": "912000001", "name": "Ana", "opted_out": True})
    client.put("/v1/customers/b", json={"phone": "912000002"})
    client.put("/v1/customers/older", json={"phone": "912000003"})
    client.put("/v1/customers/younger", json={"phone": "912000003", "name": "Younger"})
    client.get("/v1/customers")
    found = ran(client, installation, into, "phone,name\n912000001,Other\n912000002,Rui\n912000003,Elder\n")
    assert counts(found) == {"added": 3}
    ana = client.get("/v1/customers/a").json()
    assert (ana["name"], ana["opted_out"]) == ("Ana", True)
    assert client.get("/v1/customers/b").json()["name"] == "Rui"
    assert client.get("/v1/customers/older").json()["name"] == "Elder"
    ids = {each["external_id"] for each in client.get(f"/v1/segments/{into}/members").json()["data"]}
    assert ids == {"a", "b", "older"}
    assert counts(ran(client, installation, into, "phone,name\n912000001,\n912000003,x\n")) == {"already_members": 2}
    assert client.get("/v1/customers/a").json()["name"] == "Ana"


def test_an_erased_customer_can_be_imported_again(client: Client, installation: Installation, into: str) -> None:
    first = ran(client, installation, into, "phone\n912000001\n")
    (who,) = client.get("/v1/customers").json()["data"]
    assert client.delete(f"/v1/customers/{who['id']}").status_code == 204
    again = ran(client, installation, into, "phone\n912000001\n")
    assert counts(first) == counts(again) == {"created_customers": 1}
    assert client.get("/v1/customers").json()["data"][0]["id"] == who["id"]
    assert client.get(f"/v1/segments/{into}").json()["members"]["count"] == 1


@pytest.mark.parametrize("who", ["a", "b"])
def test_an_invalid_row_with_two_numbers_is_erased_with_either_customer(
    client: Client, installation: Installation, into: str, who: str
) -> None:  # fmt: skip
    for name, phone in (("a", "+351912000001"), ("b", "+351912000002")):
        client.put(f"/v1/customers/{name}", json={"phone": phone}).raise_for_status()
    found = ran(client, installation, into, 'phone,name\n"912 000 001, 912 000 002",x\n12,y\n')
    assert counts(found) == {"invalid": 2}
    assert client.delete(f"/v1/customers/{who}").status_code == 204
    assert [row[1:3] for row in csv.reader(StringIO(client.get(f"/v1/imports/{found['id']}/errors.csv").text))] == [
        ["name", "row_number"], ["y", "3"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty_file"), (b"name\nAna\n", "no_phone_column"), (b"PK\x03\x04", "not_csv")],
)
def test_a_file_that_cannot_be_read_fails_with_the_reason(
    client: Client, installation: Installation, into: str, content: bytes, code: str
) -> None:  # fmt: skip
    found = ran(client, installation, into, content)
    assert (found["state"], found["failure"]["code"]) == ("failed", code)
    assert client.get(f"/v1/imports/{found['id']}/errors.csv").text.splitlines() == [
        "phone,name,row_number,error_code,error_message"
    ]  # fmt: skip


def test_a_file_is_counted_to_the_byte(installation: Installation) -> None:
    account = installation.account()
    with installation.open_api(installation.key(account), max_import=100_000) as client, installation.projecting():
        into = client.post("/v1/segments", json={"name": "List", "type": "static"}).json()["id"]
        address = f"/v1/segments/{into}/imports"
        for size, status in ((100_000, 202), (100_001, 413), (300_000, 413)):
            content = b"phone\n".ljust(size, b"\n")
            assert client.post(address, files={"file": ("a.csv", content)}).status_code == status
        streamed = client.post(
            address, content=iter([b"x" * 50_000] * 9), headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert streamed.status_code in (400, 413)
        installation.run_imports()
        with installation.owner() as owner:
            assert owner.execute("SELECT count(*), sum(rows_done) FROM imports").fetchone() == (1, 99_994)
            assert owner.execute("SELECT count(*) FROM import_files").fetchone() == (0,)


def test_bad_uploads_are_refused_and_leave_nothing(client: Client, installation: Installation, into: str) -> None:
    address = f"/v1/segments/{into}/imports"
    file = ("a.csv", b"phone\n1\n")
    bad: list[tuple[int, dict[str, Any]]] = [
        (415, {"json": {}}), (415, {"content": b"phone\n", "headers": {"Content-Type": "text/csv"}}),
        (400, {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        (400, {"content": b"phone", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}),
        (422, {"files": {"other": file}}), (422, {"data": {"file": "phone"}, "files": {"x": file}}),
        (400, {"files": [("file", file), ("file", file)]}),
        (422, {"content": b"", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}),
    ]  # fmt: skip
    for status, sent in bad:
        answered = client.post(address, **sent)
        assert answered.status_code == status, (sent, answered.text)
    for unknown in ("x", "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77"):
        assert client.get(f"/v1/imports/{unknown}").status_code == 404
        assert client.get(f"/v1/imports/{unknown}/errors.csv").status_code == 404
    with installation.owner() as owner:
        assert owner.execute("SELECT count(*) FROM imports").fetchone() == (0,)


def test_an_upload_repeated_with_its_key_is_one_import(client: Client, installation: Installation, into: str) -> None:
    first = upload(client, into, "phone\n912000001\n", **{"Idempotency-Key": "k"})
    installation.run_imports()
    assert upload(client, into, "phone\n912000001\n", **{"Idempotency-Key": "k"}) == first
    other = client.post(
        f"/v1/segments/{into}/imports", files={"file": ("a", b"phone\n")}, headers={"Idempotency-Key": "k"}
    )
    assert other.status_code == 422
    with installation.owner() as owner:
        assert owner.execute("SELECT count(*) FROM imports").fetchone() == (1,)


def test_the_sample_can_be_imported(client: Client, installation: Installation, into: str) -> None:
    sample = client.get("/v1/segments/import-sample.csv")
    assert sample.headers["Content-Type"].startswith("text/csv")
    assert sample.text.splitlines()[0] == "phone,name"
    assert counts(ran(client, installation, into, sample.content)) == {"created_customers": 2}


def test_a_segment_deleted_meanwhile_ends_the_import(client: Client, installation: Installation, into: str) -> None:
    address = upload(client, into, "phone\n912000001\n")
    client.delete(f"/v1/segments/{into}").raise_for_status()
    installation.run_imports()
    found = client.get(address).json()
    assert (found["state"], found["failure"]["code"], found["lines"]) == ("failed", "segment_deleted", 0)
    assert client.get("/v1/customers").json()["data"] == []
