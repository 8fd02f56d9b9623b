"""The pages about webhooks: made, looked at, paused, resumed, tested, sent again, given another secret, deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from httpx import Client, Response

from tests.support.installation import Installation
from tests.support.running_product import eventually
from tests.support.webhooks.receiver import LOCAL, Answered, Receiver, delivering

pytestmark = pytest.mark.attributes(plan="text")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def console(installation: Installation, account_id: UUID) -> Iterator[Client]:
    """A client that is signed in, where webhooks may go to this machine."""
    with installation.projecting(), installation.open_console(account_id, webhook_networks=LOCAL) as client:
        yield client


def token_of(page: Response) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found
    return found[1]


def create(console: Client, url: str, **fields: str) -> tuple[str, str]:
    """Create a webhook by the form; the path of its page, and its secret."""
    form = {"url": url, "name": "Warehouse", "events": ["joined", "left"], **fields}
    form["token"] = token_of(console.get("/console/webhooks/new"))
    made = console.post("/console/webhooks/new", data=form)
    assert made.status_code == 200, made.text
    secret = re.search(r"whsec_[\w+/=]+", made.text)
    path = re.search(r'href="(/console/webhooks/[\w-]{36})"', made.text)
    assert secret
    assert path
    again = console.post("/console/webhooks/new", data=form)
    assert secret[0] in again.text
    return path[1], secret[0]


def test_a_webhook_is_made_and_its_secret_is_shown_once(console: Client, receiver: Receiver) -> None:
    assert "No webhooks" in console.get("/console/webhooks").text
    path, secret = create(console, receiver.url, fields="phone, attributes.plan")
    listed = console.get("/console/webhooks").text
    assert listed.count(f'href="{path}"') == 1
    page = console.get(path).text
    assert "All segments" in page
    assert "external_id, phone, attributes.plan" in page
    assert secret not in listed + page


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("url", "https://10.0.0.1/", "must be a public address"),
        ("url", "nonsense", "needs an address such as"),
        ("fields", "phon", "did you mean phone?"),
        ("segments", "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77", "no such segment"),
        ("events", "", "name joined, left or both"),
    ],
)
def test_a_mistake_is_said_beside_its_field_and_what_was_typed_stays(
    console: Client, field: str, value: str, said: str
) -> None:
    form = {"url": "https://example.com/", "name": "Kept & shown", "events": "joined", "token": "t"} | {field: value}
    refused = console.post("/console/webhooks/new", data=form)
    assert refused.status_code == 422
    assert said in refused.text
    assert "Kept &amp; shown" in refused.text
    assert "No webhooks" in console.get("/console/webhooks").text


def test_a_person_sees_what_fails_and_lets_it_go_on(
    installation: Installation, console: Client, receiver: Receiver
) -> None:
    path, secret = create(console, receiver.url)
    receiver.answer = lambda _: Answered(500, body=b"<script>away</script>")
    with delivering(installation):
        console.post(f"{path}/test")
        eventually(lambda: "away" in console.get(path).text)
        page = console.get(path).text
        assert "&lt;script&gt;away&lt;/script&gt;" in page
        assert "The receiver answered 500." in page
        assert console.post(f"{path}/pause").headers["location"] == path
        assert "Paused by a person" in console.get(path).text
        assert "goes on where it stopped" in console.get(f"{path}/resume").text
        console.post(f"{path}/resume", data={"full_send": "1"})
        eventually(lambda: 'class="state current">Active' in console.get(path).text)
        fresh = re.search(r"whsec_[\w+/=]+", console.post(f"{path}/secret").text)
        assert fresh
        receiver.answer = lambda _: Answered()
        console.post(f"{path}/test")
        eventually(lambda: len(receiver.accepted) == 1)
    assert receiver.accepted[0].is_signed_with(secret)
    assert receiver.accepted[0].is_signed_with(fresh[0])


def test_changes_that_are_gone_are_said_and_not_skipped(
    installation: Installation, console: Client, receiver: Receiver
) -> None:
    path, _ = create(console, receiver.url)
    console.post(f"{path}/pause")
    with installation.owner() as owner:
        owner.execute("UPDATE forgotten_changes SET change_no = 5, position = 5")
    refused = console.post(f"{path}/resume")
    assert (refused.status_code, "Resume With All Members" in refused.text) == (409, True)
    again = console.post(f"{path}/redeliver", data={"position": "5"})
    assert (again.status_code, "no longer kept" in again.text) == (409, True)
    assert console.post(f"{path}/resume", data={"full_send": "1"}).headers["location"] == path


def test_an_edit_is_saved_unless_someone_else_was_first(console: Client, receiver: Receiver) -> None:
    path, _ = create(console, receiver.url)
    form = {"url": receiver.url, "name": "Renamed", "events": "left", "version": "1"}
    assert console.post(f"{path}/edit", data=form).headers["location"] == path
    stale = console.post(f"{path}/edit", data=form | {"name": "Mine"})
    assert stale.status_code == 422
    assert "changed or paused while you were editing it" in stale.text
    assert 'name="version" value="2"' in stale.text
    assert "Renamed" in console.get(path).text
    assert "Delete Renamed?" in console.get(f"{path}/delete").text
    assert console.post(f"{path}/delete").headers["location"] == "/console/webhooks"
    assert console.get(path).status_code == 404
