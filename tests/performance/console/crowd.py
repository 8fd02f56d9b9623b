"""The crowd of the console's benchmark: a million customers and ten thousand segments, made in two steps.

20,000 customers, 750 segments, every campaign and dead letter go through the log, and the worker makes their rows. Then
small lists are repeated 24 times and each customer's rows 50 times in the read model under other numbers, ids, names
and phone numbers: so every row has the shape that the product gave it, and the counts of members are multiplied with
it. The oldest 300,000 of these have a word that no other customer has. The log itself holds the first ones only. One
segment gets a long history: two million joins and leaves of the last 60 days. Most segments are small lists, 20 have
200,000 members. What is of today is written again before each run.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.types.numeric import Int8

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData, DeadLetter
from domain.segment import SegmentDraft
from tests.performance import workload
from tests.performance.stage import START, Stage

SEEDS, TIMES = 20_000, 50
# Whole blocks of an audience, so that these can be repeated too.
STRIDE = 19_532 * 512
DYNAMIC, LARGE, STATIC, BATCH = 300, 20, 400, 5_000
# Small lists are repeated too, so that there are about ten thousand segments.
LISTS, LIST_STRIDE = 23, 1_000_000_000
CAMPAIGNS, DEAD_LETTERS, FLIPS = 60, 2_000, 1_000_000
FIRST = ["Ana", "Rui", "Sofia", "Tiago", "Karin", "Jürgen", "Amélie", "Luís", "Marta", "Olga", "Paulo", "Zoë"]
LAST = ["Almeida", "Costa", "Duarte", "Esteves", "Gomes", "Müller", "Nakamura", "Oliveira", "Petrov", "Santos", "Sá"]
RECENT = {"attribute": "last_order_date", "operator": "in_last_days"}
EVERYBODY = [{"attribute": "opted_out", "operator": "is_set"}]
HALF = [{"attribute": "newsletter", "operator": "equals", "value": True}]


@dataclass(frozen=True, slots=True)
class Crowd:
    """What the pages are asked about: the largest segments of either type, one with a long history, and a customer."""

    everybody: UUID
    static: UUID
    small_static: UUID
    busy: UUID
    nested: UUID
    customer: UUID
    campaign: UUID
    to_everybody: UUID
    audience: UUID
    later: UUID
    to_twenty: UUID
    key: str
    key_id: str
    dead_letter: int


def gather(scene: Stage) -> Crowd:
    """Fill the stage."""
    ids = list(_people(scene))
    scene.project()
    rollcall, account = scene.rollcall, scene.account_id

    def dynamic(name: str, raw: Any) -> UUID:
        return rollcall.segments.create(account, SegmentDraft(name, "made of filters", "dynamic", raw)).id

    made = [dynamic(f"Segment {n}", raw) for n, raw in enumerate(workload.segments(DYNAMIC, highest=0.005))]
    made += [dynamic(f"Active in {days} days", [{**RECENT, "value": days}]) for days in range(1, 27)]
    everybody, busy = dynamic("Everybody", EVERYBODY), dynamic("Newsletter", HALF)
    named = [str(each) for each in made[:3]]
    nested = dynamic("Of segments", [{"attribute": "segment", "operator": "in", "value": named}])
    lists = [_list(scene, ids, number) for number in range(STATIC)]
    large = [_list(scene, ids, number, share=5) for number in range(LARGE)]
    campaigns = [
        rollcall.campaigns.create(account, CampaignDraft(f"Campaign {n}", [made[n], lists[n]], [made[n + 100]])).id
        for n in range(CAMPAIGNS)
    ]
    to_everybody = rollcall.campaigns.create(account, CampaignDraft("To everybody", [everybody, lists[0]], [busy])).id
    to_twenty = rollcall.campaigns.create(account, CampaignDraft("To twenty", large[:17], large[17:])).id
    # Nothing is served before it is projected, and a frozen audience is of what is served.
    scene.project()
    audience, later = (rollcall.campaigns.freeze(account, campaigns[0]).id for _ in range(2))
    key = rollcall.keys.create(account, "bench", "admin")
    rollcall.customers.change(account, [], dead_letters=[_letter(number) for number in range(DEAD_LETTERS)])
    scene.project()
    with scene.owner() as owner:
        for statement in REPEATED_LISTS:
            owner.execute(statement, {"times": LISTS, "stride": Int8(LIST_STRIDE)})
        for statement in REPEATED:
            owner.execute(statement, {"times": TIMES - 1, "stride": Int8(STRIDE)})
        owner.execute(LONG_HISTORY, {"segment_id": busy, "flips": FLIPS})
        owner.execute("VACUUM ANALYZE")
        # A load that is kept need not be recovered from the write-ahead log.
        owner.execute("CHECKPOINT")
        row = owner.execute("SELECT min(dead_letter_id) FROM dead_letters").fetchone()
    assert row is not None
    return Crowd(
        everybody=everybody, static=lists[0], small_static=lists[-1], busy=busy, nested=nested, customer=ids[7],
        campaign=campaigns[0], to_everybody=to_everybody, audience=audience, later=later, to_twenty=to_twenty,
        key=key.key, key_id=key.id,
        dead_letter=row[0],
    )  # fmt: skip


def renew(scene: Stage) -> None:
    """Write what is of today: until when time has passed, and joins and leaves in every segment."""
    with scene.owner() as owner:
        owner.execute("UPDATE accounts SET time_passed_to = now()")
        owner.execute(TODAY)


def _people(scene: Stage) -> Iterator[UUID]:
    chance = random.Random(5)
    changes = []
    for number, attributes in enumerate(workload.customers(SEEDS)):
        data = CustomerData(
            name=f"{chance.choice(FIRST)} {chance.choice(LAST)} {number % 977}", phone=f"+35191{number:07d}",
            tags=["vip"] if number % 20 == 0 else None, opted_out=number % 50 == 0, attributes=attributes,
        )  # fmt: skip
        changes.append(CustomerChange(f"crm-{number}", "changed", START, data, "/crm", f"c-{number}"))
    for start in range(0, SEEDS, BATCH):
        for outcome in scene.rollcall.customers.change(scene.account_id, changes[start : start + BATCH]).outcomes:
            assert outcome.customer_id is not None, outcome
            yield outcome.customer_id


def _list(scene: Stage, ids: list[UUID], number: int, share: int = 0) -> UUID:
    """A static segment: one in `share` of all customers; without, the first holds half of them, the others a few."""
    name = f"Large list {number}" if share else f"List {number}"
    segment = scene.rollcall.segments.create(scene.account_id, SegmentDraft(name, "", "static", None)).id
    if share:
        chosen = random.Random(number).sample(ids, len(ids) // share)
    else:
        chosen = ids[::2] if number == 0 else ids[number * 2 % 19_000 :][: 1 + number % 6]
    for start in range(0, len(chosen), 1_000):
        scene.rollcall.members.add(scene.account_id, segment, chosen[start : start + 1_000])
    return segment


def _letter(number: int) -> DeadLetter:
    value = b'{"name": "Ana", "attributes": {"age": "' + b"x" * 400 + b'"}}'
    return DeadLetter(
        "rollcall.customers.v1", number % 12, number, 1_779_271_200_123, f"crm-{number}".encode(), value, [],
        "attribute_type_mismatch", "age is a number", datetime(2026, 5, 20, tzinfo=UTC),
    )  # fmt: skip


# Small lists under other numbers, from the log's own: those from "List 1" on. Their history is not repeated.
SMALL = "(SELECT * FROM segments WHERE name LIKE 'List %%' AND name <> 'List 0' AND segment_no < %(stride)s) AS s"
REPEATED_LISTS = (
    f"""
    INSERT INTO segments (account_id, segment_no, segment_id, name, folded_name, description, type, version, created_at,
                          updated_at, serving)
    SELECT account_id, segment_no + k * %(stride)s, gen_random_uuid(), name || '-' || k, folded_name || '-' || k,
           description, type, version, created_at + k * interval '1 minute', updated_at + k * interval '1 minute',
           serving + k * %(stride)s
    FROM {SMALL}, generate_series(1, %(times)s) AS k
    """,
    f"""
    INSERT INTO segment_versions (account_id, version_no, segment_no, began_at, state, built_to, members)
    SELECT v.account_id, v.version_no + k * %(stride)s, v.segment_no + k * %(stride)s, v.began_at, v.state, v.built_to,
           v.members
    FROM {SMALL} JOIN segment_versions v ON v.version_no = s.serving, generate_series(1, %(times)s) AS k
    """,
    f"""
    INSERT INTO members
    SELECT m.version_no + k * %(stride)s, m.customer_no, m.joined_at, m.position, m.account_id
    FROM {SMALL} JOIN members m ON m.version_no = s.serving, generate_series(1, %(times)s) AS k
    """,
)
REPEATED = (
    """
    INSERT INTO customers (account_id, customer_no, customer_id, position, version, created_at, updated_at, phone, name,
                           opted_out, attributes, folded, search)
    SELECT account_id, customer_no + k * %(stride)s, gen_random_uuid(), position, version, created_at, updated_at,
           phone || k, name || ' ' || k, opted_out,
           attributes || jsonb_build_object('phone', phone || k, 'name', name || ' ' || k,
                                            'external_id', attributes->>'external_id' || '-' || k),
           folded || jsonb_build_object('phone', phone || k, 'name', lower(name) || ' ' || k,
                                        'external_id', attributes->>'external_id' || '-' || k),
           search || to_tsvector('simple', concat_ws(' ', k, ltrim(phone, '+') || k,
                                                     CASE WHEN k <= 15 THEN 'pioneer' END))
    FROM customers, generate_series(1, %(times)s) AS k
    """,
    """
    INSERT INTO reach (account_id, customer_no, customer_id, phone, number_key, opted_out, shared, external_id, name)
    SELECT c.account_id, c.customer_no, c.customer_id, c.phone,
           number_key(number_sha256(i.secret, c.account_id, c.phone)), c.opted_out,
           c.phone IS NOT NULL AND count(*) OVER (PARTITION BY c.phone) > 1, c.attributes->>'external_id', c.name
    FROM customers c, installation i
    ON CONFLICT (account_id, customer_no) DO NOTHING
    """,
    """
    INSERT INTO customer_days SELECT account_id, key, day, customer_no + k * %(stride)s
    FROM customer_days, generate_series(1, %(times)s) AS k
    """,
    """
    INSERT INTO customer_instants SELECT account_id, key, instant, customer_no + k * %(stride)s
    FROM customer_instants, generate_series(1, %(times)s) AS k
    """,
    """
    INSERT INTO members SELECT version_no, customer_no + k * %(stride)s, joined_at, position, account_id
    FROM members, generate_series(1, %(times)s) AS k
    ORDER BY 1, 2
    """,
    """
    INSERT INTO membership_history
    SELECT customer_no + k * %(stride)s, version_no, position, at, joined, cause, account_id
    FROM membership_history, generate_series(1, %(times)s) AS k
    """,
    "UPDATE segment_versions SET members = members * (%(times)s + 1)",
    "UPDATE attribute_fill SET customers = customers * (%(times)s + 1)",
    "UPDATE attribute_values SET customers = customers * (%(times)s + 1)",
    "UPDATE segment_days SET joins = joins * (%(times)s + 1), leaves = leaves * (%(times)s + 1)",
    """
    INSERT INTO audience_blocks
    SELECT account_id, audience_no, block_no + k * (%(stride)s >> 9), bits
    FROM audience_blocks, generate_series(1, %(times)s) AS k
    """,
    "UPDATE audiences SET recipients = recipients * (%(times)s + 1), copied = copied * (%(times)s + 1)",
)
TODAY = """
INSERT INTO segment_days (account_id, version_no, day, beside, by_edit, joins, leaves)
SELECT account_id, serving, current_date, serving, false, segment_no % 97, segment_no % 89
FROM segments
WHERE serving IS NOT NULL
ON CONFLICT DO NOTHING
"""
LONG_HISTORY = """
INSERT INTO membership_history (customer_no, version_no, position, at, joined, cause, account_id)
SELECT m.customer_no, m.version_no, m.position, now() - interval '60 days' * (1 - n / %(flips)s::float)
       + CASE WHEN joined THEN interval '20 minutes' ELSE interval '0' END, joined, 'change', m.account_id
FROM (SELECT *, row_number() OVER (ORDER BY customer_no) AS place
      FROM members WHERE version_no = (SELECT serving FROM segments WHERE segment_id = %(segment_id)s)) AS m
JOIN generate_series(1, %(flips)s) AS n ON n %% 400000 = m.place
CROSS JOIN (VALUES (false), (true)) AS t (joined)
"""
