"""A campaign over 5 segments of 200,000 of a million customers: stream, counts, first page and freezing.

Each stands beside SQL that a person would write by hand, on the same server in the same run, by psycopg as the API's
role: for the stream, a binary cursor over the `SELECT DISTINCT` of the union joined to the customers, which takes no
notice of numbers that several customers have, and leaves out the writing of lines; for the first page, one query that
does. A campaign to all million with three attributes stands beside the same cursor with those columns.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from httpx import Client
from psycopg import Connection, ServerCursor, sql

from deploy.embedded.postgres import Postgres
from domain.campaign import CampaignDraft
from domain.segment import SegmentDraft
from projections.model.audience_spec import AudienceSpec
from projections.postgres.database import session_conninfo
from projections.read import recipients
from tests.performance.cpu import difference, seconds_by_process
from tests.performance.served import served
from tests.performance.stage import Stage, say, seconds, stage

CUSTOMERS, SEGMENTS = 1_000_000, 5
FIRST = 10_000_000
FETCH_SIZE = 5_000
AS_IT_IS = {"Accept": "application/x-ndjson", "Accept-Encoding": "identity"}
# As many values as a shop's customers have (`workload`), so that rows are as wide.
ATTRIBUTES = """
jsonb_build_object(
    'opted_out', n %% 50 = 0, 'external_id', 'crm-' || n, 'name', 'Name ' || n, 'created_at', '2024-01-01T10:00:00Z',
    'city', 'Lisboa', 'plan', 'gold', 'lifetime_value', n %% 10000, 'orders', n %% 40, 'birthdate', '1980-05-20',
    'signup', '2024-01-01T10:00:00Z', 'language', 'pt-PT', 'newsletter', n %% 3 = 0, 'last_seen', '2026-01-01',
    'tags', jsonb_build_array('vip', 'summer'), 'shop', 'online', 'score', n %% 100)
"""
PEOPLE = f"""
INSERT INTO customers (account_id, customer_no, customer_id, position, version, created_at, updated_at, phone, name,
                       opted_out, attributes, folded, search)
SELECT %(account)s, n, gen_random_uuid(), n, 1, now(), now(), '+3519' || lpad((n %% 990000)::text, 8, '0'),
       'Name ' || n, n %% 50 = 0, {ATTRIBUTES}, '{{}}', ''
FROM generate_series(%(first)s, %(first)s + %(people)s - 1) AS n
"""
REACH = """
INSERT INTO reach (account_id, customer_no, customer_id, phone, number_key, opted_out, shared, external_id, name)
SELECT account_id, customer_no, customer_id, phone, number_key(number_sha256(secret, account_id, phone)), opted_out,
       count(*) OVER (PARTITION BY phone) > 1, attributes->>'external_id', name
FROM customers, installation
ORDER BY account_id, customer_no
"""
# Each takes a fifth of all, at random.
MEMBERSHIPS = """
INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
SELECT s.serving, n, now(), n, s.account_id
FROM segments s, generate_series(%(first)s, %(first)s + %(people)s - 1) AS n
WHERE s.serving = ANY (%(versions)s) AND abs(hashint8extended(n, s.segment_no)) %% %(segments)s = 0
ORDER BY 1, 2
"""
STREAM_BY_HAND = """
SELECT c.customer_id, c.attributes->>'external_id', c.phone, c.name
FROM (SELECT DISTINCT customer_no FROM members WHERE version_no = ANY (%(included)s)) AS u
JOIN customers c ON c.account_id = %(account_id)s AND c.customer_no = u.customer_no
WHERE c.phone IS NOT NULL AND NOT c.opted_out
"""
# The same with three attributes.
FIELDS = "external_id,phone,name,attributes.plan,attributes.city,attributes.score"
WIDE_BY_HAND = STREAM_BY_HAND.replace(
    "c.name\n", "c.name, c.attributes->'plan', c.attributes->'city', c.attributes->'score'\n"
)
COUNT_BY_HAND = f"SELECT count(*) FROM ({STREAM_BY_HAND}) AS t"
PAGE_BY_HAND = """
SELECT c.customer_id, c.external_id, c.phone, c.name
FROM ({arms}) AS u
JOIN reach c ON c.account_id = %(account_id)s AND c.customer_no = u.customer_no
WHERE c.phone IS NOT NULL AND NOT c.opted_out
  AND NOT EXISTS (SELECT FROM reach o
                  WHERE o.account_id = c.account_id AND o.number_key = c.number_key AND o.customer_no <> c.customer_no
                    AND (o.opted_out OR o.customer_no < c.customer_no
                         AND EXISTS (SELECT FROM members m
                                     WHERE m.version_no = ANY (%(included)s) AND m.customer_no = o.customer_no)))
ORDER BY c.customer_no
LIMIT 51
"""


def run(server: Postgres) -> None:
    """Print rates and times with their ratios, and the memory of both ends of the stream."""
    say(f"\nAudience ({SEGMENTS} segments of {CUSTOMERS // SEGMENTS:,} of {CUSTOMERS:,} customers)")
    with stage(server) as scene:
        campaign, union, everyone, all_of_them = _load(scene)
        key = scene.rollcall.keys.create(scene.account_id, "bench", "admin").key
        scene.project()
        session = session_conninfo(scene.url, "rollcall_api")
        with psycopg.connect(session, autocommit=True) as bare, served(scene, key) as (client, process):
            bare.execute("SELECT set_config('rollcall.account', %s, false)", [str(scene.account_id)])
            path = f"/v1/campaigns/{campaign}/recipients"
            client.get(path, params={"limit": 1}).raise_for_status()
            with bare.transaction():
                recipients_now, skipped = recipients.totals(bare, union)
            say(f"  {recipients_now:,} recipients, {skipped}")
            for _ in range(3):
                _compare_streams(bare, client, path, union, recipients_now, process)
            wide = f"/v1/campaigns/{everyone}/recipients?fields={FIELDS}"
            for _ in range(3):
                _compare_wide_streams(bare, client, wide, all_of_them, process)
            _compare_counts(bare, client, path, union)
            _compare_pages(bare, client, path, union)
            _freeze(scene, campaign)
            _compare_frozen(scene, client)


def _compare_streams(
    bare: Connection[Any], client: Client, path: str, union: AudienceSpec, expected: int, process: int
) -> None:
    rows, floor, first_by_hand = _stream_by_hand(bare, STREAM_BY_HAND, union)
    ours = seconds(lambda: _our_lines(bare, union))
    before = seconds_by_process()
    took, first, rose = _stream(client, path, expected, process)
    used = difference(seconds_by_process(), before)
    cpu = ", ".join(f"{name} {spent:.1f} s" for name, spent in sorted(used.items()) if spent >= 0.1)
    say(
        f"  SELECT DISTINCT by hand {rows / floor:,.0f}/s   our lines alone {expected / ours:,.0f}/s"
        f"   NDJSON over HTTP {expected / took:,.0f}/s   ratio to by hand {expected / took / (rows / floor):.2f}"
        f"   first row or byte after {first_by_hand:.2f} and {first:.2f} s"
        f"   CPU of the stream: {cpu}"
        f"   memory rose by {rose[0] / 1024:.0f} MB in the API, {rose[1] / 1024:.0f} MB in the client"
    )


def _compare_wide_streams(
    bare: Connection[Any], client: Client, path: str, everyone: AudienceSpec, process: int
) -> None:
    """All customers with three attributes: the bare cursor, and over HTTP as it is and packed."""
    rows, floor, first_by_hand = _stream_by_hand(bare, WIDE_BY_HAND, everyone)
    with bare.transaction():
        expected = recipients.totals(bare, everyone)[0]
    took, first, _ = _stream(client, path, expected, process)
    packed = seconds(lambda: _stream_packed(client, path))
    say(
        f"  three attributes of {expected:,}: cursor by hand {rows / floor:,.0f}/s   NDJSON over HTTP"
        f" {expected / took:,.0f}/s   ratio to by hand {expected / took / (rows / floor):.2f}   packed by zstd"
        f" {expected / packed:,.0f}/s   first row or byte after {first_by_hand:.2f} and {first:.2f} s"
    )


def _stream_packed(client: Client, path: str) -> None:
    headers = {"Accept": "application/x-ndjson", "Accept-Encoding": "zstd"}
    with client.stream("GET", path, headers=headers) as answered:
        assert answered.headers["content-encoding"] == "zstd"
        for _ in answered.iter_raw():
            pass


def _compare_counts(bare: Connection[Any], client: Client, path: str, union: AudienceSpec) -> None:
    """How many there are: by hand without any class, ours with every class, and over HTTP with the first page."""
    rounds = [
        (
            seconds(lambda: bare.execute(COUNT_BY_HAND, union._asdict()).fetchone()),
            seconds(lambda: recipients.totals(bare, union)),
            seconds(lambda: client.get(path, params={"limit": 1, "include": "total"}).raise_for_status()),
        )
        for _ in range(7)
    ]
    hand, ours, over_http = (median(each) for each in zip(*rounds, strict=True))
    say(
        f"  counted by hand {hand:.2f} s   ours with every class {ours:.2f} s   over HTTP {over_http:.2f} s"
        f"   ratio to by hand {over_http / hand:.2f}"
    )


def _compare_frozen(scene: Stage, client: Client) -> None:
    """The stream of the frozen audience over HTTP."""
    with scene.owner() as owner:
        row = owner.execute("SELECT audience_id, recipients FROM audiences").fetchone()
    assert row is not None
    took, first, _ = _stream(client, f"/v1/audiences/{row[0]}/recipients", row[1], os.getpid())
    say(f"  frozen audience: NDJSON over HTTP {row[1] / took:,.0f}/s   first byte after {first:.2f} s")


def _freeze(scene: Stage, campaign: UUID) -> None:
    """How long a freezing takes, and how long a change of somebody else may have to wait meanwhile."""
    scene.rollcall.campaigns.freeze(scene.account_id, campaign)
    steps: list[float] = []
    going_on = [True]

    def step() -> None:
        going_on[0] = scene.worker.step()

    while going_on[0]:
        steps.append(seconds(step))
    say(
        f"  frozen in {sum(steps):.1f} s, in {len(steps)} steps; between two, other projection goes on:"
        f" they take {median(steps):.2f} s, the longest {max(steps):.2f} s"
    )


def _compare_pages(bare: Connection[Any], client: Client, path: str, union: AudienceSpec) -> None:
    """The first page by hand, by our query and over HTTP, turn by turn; and what HTTP costs by itself."""

    def get(address: str, **parameters: int) -> float:
        return seconds(lambda: client.get(address, params=parameters).raise_for_status())

    rounds = [
        (
            seconds(lambda: _first_page_by_hand(bare, union)), seconds(lambda: _first_page(bare, union)),
            get(path, limit=50), get("/livez"),
        )
        for _ in range(200)
    ]  # fmt: skip
    hand, ours, over_http, alone = (median(each) * 1000 for each in zip(*rounds, strict=True))
    say(
        f"  first page of 50: SQL by hand {hand:.1f} ms   our SQL {ours:.1f} ms   over HTTP {over_http:.1f} ms"
        f" ({alone:.1f} ms of it for any request)   ratio to SQL by hand {over_http / hand:.2f}"
    )


def _load(scene: Stage) -> tuple[UUID, AudienceSpec, UUID, AudienceSpec]:
    """A campaign of the five segments, and one of a segment with everybody."""
    ids = [
        scene.rollcall.segments.create(scene.account_id, SegmentDraft(f"segment {n}", "", "static", None)).id
        for n in range(SEGMENTS)
    ]
    campaign = scene.rollcall.campaigns.create(scene.account_id, CampaignDraft("bench", ids)).id
    scene.project()
    with scene.owner() as owner:
        serving = [number for (number,) in owner.execute("SELECT serving FROM segments").fetchall()]
    all_id = scene.rollcall.segments.create(scene.account_id, SegmentDraft("everybody", "", "static", None)).id
    everyone = scene.rollcall.campaigns.create(scene.account_id, CampaignDraft("everybody", [all_id])).id
    scene.project()
    with scene.owner() as owner:
        terms = {"account": scene.account_id, "first": FIRST, "people": CUSTOMERS, "segments": SEGMENTS}
        owner.execute(PEOPLE, terms)
        owner.execute(REACH)
        all_serving = [number for (number,) in owner.execute("SELECT serving FROM segments").fetchall()]
        owner.execute(MEMBERSHIPS, terms | {"versions": serving})
        everybody = [number for number in all_serving if number not in serving]
        owner.execute(MEMBERSHIPS, terms | {"versions": everybody, "segments": 1})
        # What the log says from here on comes after all of them.
        owner.execute("SELECT setval('log_positions', %s)", [FIRST + 2 * CUSTOMERS])
        owner.execute("VACUUM ANALYZE customers, reach, members")
    narrow, wide = (AudienceSpec(scene.account_id, versions, []) for versions in (serving, everybody))
    return campaign, narrow, everyone, wide


def _stream_by_hand(bare: Connection[Any], query: str, union: AudienceSpec) -> tuple[int, float, float]:
    """How many rows, the seconds of all, and until the first."""
    count, first, begun = 0, 0.0, time.perf_counter()
    with bare.transaction():
        bare.execute("SET LOCAL cursor_tuple_fraction = 1")
        with ServerCursor(bare, "bare") as cursor:
            cursor.execute(query, union._asdict(), binary=True)
            while rows := cursor.fetchmany(FETCH_SIZE):
                first = first or time.perf_counter() - begun
                count += len(rows)
    return count, time.perf_counter() - begun, first


def _our_lines(bare: Connection[Any], union: AudienceSpec) -> None:
    """What the API sends, without sending it."""
    with bare.transaction():
        for _ in recipients.lines(bare, union, "json"):
            pass


def _stream(client: Client, path: str, expected: int, process: int) -> tuple[float, float, tuple[int, int]]:
    """Seconds of the whole stream, and until its first byte; by how many kB the API and this process grew."""
    begun = time.perf_counter()
    first, pieces, lines = 0.0, 0, 0
    before = most = (_memory(process), _memory(os.getpid()))
    with client.stream("GET", path, headers=AS_IT_IS) as answered:
        for piece in answered.iter_raw():
            first = first or time.perf_counter() - begun
            lines += piece.count(b"\n")
            pieces += 1
            if pieces % 50 == 0:
                most = (max(most[0], _memory(process)), max(most[1], _memory(os.getpid())))
    took = time.perf_counter() - begun
    assert lines == expected + 1
    return took, first, (most[0] - before[0], most[1] - before[1])


def _memory(process: int) -> int:
    """What a process holds in memory now, in kB."""
    return int(Path(f"/proc/{process}/status").read_text().split("VmRSS:")[1].split()[0])


def _first_page(bare: Connection[Any], union: AudienceSpec) -> None:
    with bare.transaction():
        assert len(recipients.page(bare, union, after=None, limit=51)) == 51


def _first_page_by_hand(bare: Connection[Any], union: AudienceSpec) -> None:
    """Each segment's members in order, merged, as far as the page goes: what a person writes who knows the tables."""
    arms = sql.SQL(" UNION ").join(
        sql.SQL("(SELECT customer_no FROM members WHERE version_no = {} ORDER BY customer_no)").format(each)
        for each in union.included
    )
    with bare.transaction():
        assert len(bare.execute(sql.SQL(PAGE_BY_HAND).format(arms=arms), union._asdict()).fetchall()) == 51
