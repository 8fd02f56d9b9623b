"""A rebuild from a checkpoint and the events after it gives the rows of a rebuild from the start of the log."""

from __future__ import annotations

from random import Random
from uuid import UUID

import psycopg
import pytest

from domain.customer import customer_id_of
from domain.errors import Refused
from projections.worker.checkpoint import make_checkpoint
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.campaigns import campaign, customer, phone, segment
from tests.support.installation import Installation
from tests.support.oracles.event_log import ScriptedLog, fresh_database
from tests.support.oracles.random_plans import SIZES, a_plan
from tests.support.read_model import read_model


def test_any_log_is_rebuilt_from_a_checkpoint_in_the_middle_of_its_work(postgres_url: str, template: str) -> None:
    chance = Random(5)
    with fresh_database(postgres_url, template) as url:
        log = ScriptedLog(url)
        try:
            for name, *arguments in a_plan(chance, 30):
                getattr(log, name)(*arguments)
            make_checkpoint(url)
            for name, *arguments in a_plan(chance, 15):
                getattr(log, name)(*arguments)
            log.drain()
            live = read_model(url)
            rebuild(url, from_checkpoint=True, batch_size=chance.choice(SIZES), chunk_size=chance.choice(SIZES))
            assert read_model(url) == live
            rebuild(url)
            assert read_model(url) == live
            assert list(verify(url)) == []
        finally:
            log.close()


def test_who_is_erased_after_a_checkpoint_is_not_in_what_is_rebuilt_from_it(installation: Installation) -> None:
    account = installation.account()
    for number, each in enumerate(("a", "both", "z")):
        customer(installation, account, each, "gold", "silver", phone=phone(number))
    gold, silver, staff = (segment(installation, account, each, computed=False) for each in ("gold", "silver", "staff"))
    finish(installation)
    installation.rollcall.campaigns.freeze(account, UUID(campaign(installation, account, [gold, silver], [staff])))
    finish(installation)
    make_checkpoint(installation.url)
    customer(installation, account, "both", "staff", name="Ana of later")
    for each in ("a", "both"):
        installation.rollcall.customers.erase(account, [customer_id_of(account, each)])
    customer(installation, account, "both", "gold", phone="+351910000077")
    finish(installation)
    live = read_model(installation.url)
    rebuild(installation.url, from_checkpoint=True)
    assert read_model(installation.url) == live
    rebuild(installation.url)
    assert read_model(installation.url) == live
    assert phone(1) in copied(installation)
    make_checkpoint(installation.url)
    assert phone(1) not in copied(installation)


def test_a_rebuild_from_a_checkpoint_that_does_not_fit_is_refused_and_changes_nothing(
    installation: Installation,
) -> None:
    installation.account()
    installation.project()
    for statement in ("SELECT", "COMMENT ON SCHEMA rollcall_model_checkpoint IS 'of another release'"):
        with installation.owner() as owner:
            owner.execute(statement)
        with pytest.raises(Refused) as refused:
            rebuild(installation.url, from_checkpoint=True)
        assert refused.value.code == "no_checkpoint"
        make_checkpoint(installation.url)
    assert list(verify(installation.url)) == []


def finish(installation: Installation) -> None:
    with installation.worker() as worker:
        while worker.step():
            continue


def copied(installation: Installation) -> str:
    """The phone numbers in the checkpoint."""
    with psycopg.connect(installation.url) as owner:
        row = owner.execute("SELECT string_agg(phone, ' ') FROM rollcall_model_checkpoint.customers").fetchone()
    assert row is not None
    return str(row[0])
