"""Templates of filters: each is there where its attributes are, and every one is a filter that can be saved."""

from __future__ import annotations

from domain.customer import BUILT_IN
from domain.filters.behaviour.reading import Behaviour
from domain.filters.parsing import parse
from domain.filters.templates import templates
from domain.values import AttributeType

SHOP: dict[str, AttributeType] = {"date_of_birth": "date", "last_order_at": "datetime", "is_vip": "boolean"}


def test_an_account_without_attributes_of_its_own_is_offered_those_that_came_this_week() -> None:
    assert [each.id for each in templates(BUILT_IN)] == ["new"]


def test_a_shop_is_offered_all_of_them_with_its_own_attributes() -> None:
    offered = {each.id: each.filter for each in templates({**BUILT_IN, **SHOP})}
    assert list(offered) == ["birthday", "lapsed", "new", "vip_at_risk"]
    for raw in offered.values():
        parse(raw, {**BUILT_IN, **SHOP})
    assert [each["attribute"] for each in offered["vip_at_risk"]] == ["is_vip", "last_order_at"]


def test_without_an_attribute_for_it_the_best_customers_are_those_with_the_tag() -> None:
    types: dict[str, AttributeType] = {**BUILT_IN, "last_visit": "date", "birthday": "text"}
    offered = {each.id: each.filter for each in templates(types)}
    assert list(offered) == ["lapsed", "new", "vip_at_risk"]
    assert offered["vip_at_risk"][0] == {"attribute": "tags", "operator": "includes_any", "value": ["vip"]}


def test_where_orders_are_recorded_those_who_order_often_and_those_who_stopped_are_offered() -> None:
    shop: dict[str, dict[str, AttributeType]] = {"email_opened": {}, "order_completed": {"total": "number"}}
    offered = {each.id: each.filter for each in templates(BUILT_IN, shop)}
    assert list(offered) == ["new", "ordered_often", "not_ordered"]
    for raw in offered.values():
        parse(raw, BUILT_IN, Behaviour(shop))
    assert {each["activity"] for id_ in ("ordered_often", "not_ordered") for each in offered[id_]} == {
        "order_completed"
    }
    assert [each.id for each in templates(BUILT_IN, {"email_opened": {}})] == ["new"]
