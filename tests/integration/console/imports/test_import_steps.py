"""Import CSV in steps: columns chosen, what will happen before it does, the report, past imports."""

from __future__ import annotations

import re

import pytest

from tests.support.console.forms import said
from tests.support.console.shop import Shop

FILE = (
    "Telefone móvel;Quem;Cidade;Idade;Notas\n912000001;Ana;Braga;31;x\n912000002;Rui;Faro;;\n"
    "12;curto;;;\n912000003;Eva;;muito;\n"
)


def upload(shop: Shop, content: str) -> str:
    answered = shop.console.post(
        f"/console/segments/{shop.by_hand}/import", files={"file": ("list.csv", content.encode())}
    )
    assert answered.status_code == 303
    return str(answered.headers["location"])


def test_a_file_in_any_language_is_mapped_checked_and_only_then_imported(shop: Shop) -> None:
    shop.customer("crm-1", phone="912000002", opted_out=True)
    address = upload(shop, FILE)
    page = said(shop.console.get(address).text)
    assert "What do the columns hold?" in page
    assert "912000001" in page
    answered = shop.console.post(f"{address}/columns", data={
        "column-0": "", "column-1": "name", "column-2": "new", "title-2": "Cidade", "type-2": "text", "column-3": "",
    })  # fmt: skip
    assert answered.status_code == 422
    assert "phone numbers" in answered.text
    shop.console.post(f"{address}/columns", data={
        "column-0": "phone", "column-1": "name", "column-2": "new", "title-2": "Cidade", "type-2": "text",
        "column-3": "new", "title-3": "Idade", "type-3": "number", "column-4": "",
    })  # fmt: skip
    head = shop.installation.rollcall.head()
    shop.installation.run_imports()
    checked = said(shop.console.get(address).text)
    assert "This will happen. 2 customers will be added to By hand" in checked
    assert "1 of these customers has opted out" in checked
    assert "Not imported: 1 column (Notas)" in checked
    assert shop.installation.rollcall.head() == head, "a check changes nothing"
    assert "Idade: is not a number" in shop.console.get(f"{address}/errors.csv").text
    shop.console.post(f"{address}/start")
    shop.installation.run_imports()
    done = said(shop.page(address.removeprefix("/console/")))
    assert "Done. 2 customers were added to By hand: 1 new customer, 1 that existed" in done
    members = said(shop.page(f"segments/{shop.by_hand}/manage"))
    assert "Cidade Braga" in members
    assert "Idade 31" in members
    assert shop.console.post(f"{address}/start").status_code == 409


def test_what_scripts_say_of_an_upload_is_in_the_language_of_the_page(shop: Shop) -> None:
    form = f"/console/segments/{shop.by_hand}/import"
    page = shop.console.get(form, headers={"Accept-Language": "pt-PT"}).text
    assert 'data-says-choose="Escolha primeiro um ficheiro CSV."' in page
    assert "no máximo 10 MB" in page
    empty = shop.console.post(form, files={"file": ("", b"")}, headers={"Accept-Language": "pt-PT"})
    assert "Escolha primeiro um ficheiro CSV." in said(empty.text)
    row = upload(shop, "phone\n912000001\n")
    shop.installation.run_imports()
    assert "Clientes novos" in said(shop.console.get(row, headers={"Accept-Language": "pt-PT"}).text)


def test_a_file_without_a_header_imports_its_first_row_too(shop: Shop) -> None:
    address = upload(shop, "Ana;912000001;Braga\nRui;912000002;Faro\nx;12;\n")
    page = shop.console.get(address).text
    assert re.search(r'value="customer" checked', page), "a first row with a phone number is no header"
    assert re.findall(r'<option value="phone" selected', page), "a column of numbers is proposed"
    assert "Column B" in page
    shown = shop.console.post(f"{address}/columns", data={"header": "names", "action": "show", "column-0": "name"})
    assert "912000001" in said(shown.text)
    shop.console.post(f"{address}/columns", data={
        "header": "customer", "column-0": "name", "column-1": "phone", "column-2": "new", "title-2": "Cidade",
        "type-2": "text",
    })  # fmt: skip
    shop.installation.run_imports()
    assert "2 customers will be added to By hand" in said(shop.console.get(address).text)
    shop.console.post(f"{address}/start")
    shop.installation.run_imports()
    header, line = shop.console.get(f"{address}/errors.csv").text.splitlines()
    assert header == "name,phone,cidade,row_number,error_code,error_message"
    assert line.startswith("x,12,,3,invalid_phone,")
    members = said(shop.page(f"segments/{shop.by_hand}/manage"))
    assert "Ana" in members
    assert "Cidade Braga" in members


def test_past_imports_say_who_sent_what_and_what_became_of_it(shop: Shop) -> None:
    address = upload(shop, "phone,name\n912000001,Ana\nbad,\n")
    shop.installation.run_imports()
    shop.console.post(f"{address}/start")
    shop.installation.run_imports()
    for path in (f"segments/{shop.by_hand}/imports", "imports"):
        page = said(shop.page(path))
        assert "list.csv" in page
        assert "1 added, 0 in it already, 1 invalid" in page
        assert "Owner" in page


@pytest.mark.parametrize("query", ["", "an"])
def test_members_are_exported_with_chosen_columns_safe_for_spreadsheets(shop: Shop, query: str) -> None:
    shop.put_in(
        shop.customer("crm-1", name="Ana", attributes={"plan": "=1+1"}),
        *([shop.customer("crm-2", name="Rui")] if not query else []),
    )
    dialog = said(shop.page(f"segments/{shop.by_hand}/export?query={query}"))
    assert "Plan" in dialog
    file = shop.console.get(
        f"/console/segments/{shop.by_hand}/members.csv", params={"field": ["name", "attributes.plan"], "query": query}
    )
    assert file.headers["content-disposition"].startswith('attachment; filename="By-hand.csv"')
    assert file.text.splitlines() == ["name,Plan", "Ana,'=1+1", *(["Rui,"] if not query else [])]
