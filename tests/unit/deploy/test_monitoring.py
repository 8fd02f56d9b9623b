"""The alert rules and the dashboard ask only for what the product exposes, and have the shape that their readers take.

Their grammar was checked once with Prometheus' own `promtool check rules` and with Grafana's models; neither is at hand
wherever the tests run, so the shape is checked here.
"""

from __future__ import annotations

import importlib
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from api import health

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "monitoring/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "monitoring/dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
SCALING = [
    query
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for query in re.findall(r"query: (.+)", path.read_text())
]
QUERIES = [
    *(rule["expr"] for rule in RULES),
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
    *SCALING,
]
WITH_METRICS = (
    "api.http.instrumentation", "api.csv_import.runner", "consumers.cloud_events", "consumers.dead_letter_publisher",
    "consumers.ingest_report", "consumers.kafka.lag", "consumers.kafka.source", "consumers.members_publisher",
    "consumers.membership_publisher", "consumers.webhooks.turn",
    "projections.worker.freshness", "projections.worker.metrics",
)  # fmt: skip
# Prometheus adds it to the buckets of a histogram.
BUCKET_END = "le"


def exposed() -> dict[str, set[str]]:
    """The labels of every metric, by the name of each of its series."""
    for name in WITH_METRICS:
        importlib.import_module(name)
    found: dict[str, set[str]] = {}
    for collector, names in REGISTRY._collector_to_names.items():
        for name in names:
            found[name] = {*getattr(collector, "_labelnames", ()), BUCKET_END}
    for name in (*(each for each, _ in health.GAUGES), health.DATABASE_UP[0], health.DATA_FREE[0]):
        found[name] = set()
    found[health.LAG_SECONDS[0]] = set()
    found[health.SHARD_LAG[0]] = {"shard"}
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_metrics_and_labels_that_exist(query: str) -> None:
    metrics = exposed()
    asked = set(re.findall(r"rollcall_\w+", query))
    assert asked
    assert asked <= metrics.keys()
    labels = set(re.findall(r"(\w+)(?:=~|!=|=)\"", query))
    for grouped in re.findall(r"\bby \(([\w, ]+)\)", query):
        labels.update(grouped.split(", "))
    assert labels <= set().union(*(metrics[name] for name in asked))
    assert query.count("(") == query.count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_how_urgent_it_is_and_what_it_means(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Rollcall[A-Za-z]+", rule["alert"])
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description"}
    templates = re.findall(r"{{ \$labels\.(\w+) }}", " ".join(rule["annotations"].values()))
    assert all(re.search(rf"\bby \([^)]*\b{label}\b", rule["expr"]) for label in templates)


def test_every_alert_is_in_the_operations_guide() -> None:
    guide = (DEPLOY / "docs/operations.md").read_text()
    assert [rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in guide] == []
    assert set(re.findall(r"`(Rollcall[A-Z]\w+)`", guide)) == {rule["alert"] for rule in RULES}


def test_the_dashboard_takes_its_prometheus_from_a_variable_and_its_panels_lie_side_by_side() -> None:
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        place = panel["gridPos"]
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["title"]
        assert place["x"] + place["w"] <= 24
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
