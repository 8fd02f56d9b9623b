"""The SQL evaluator on the cases of every operator."""

from __future__ import annotations

from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from domain import json_text
from projections.model.customers import new_customer
from projections.model.filter_sql import predicate
from tests.support.operator_cases import KEY, cases


def test_sql_says_of_every_case_what_python_says(postgres_url: str) -> None:
    wrong = {}
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for case in cases():
            row = new_customer(UUID(int=0), 1, UUID(int=1), 0)
            row.set(KEY, case.type, case.stored(), case.days())
            query = sql.SQL("SELECT {} FROM (SELECT {}::jsonb AS attributes, {}::jsonb AS folded) AS c").format(
                predicate(case.node(), case.moment()),
                Jsonb(row.attributes, dumps=json_text.dumps),
                Jsonb(row.folded, dumps=json_text.dumps),
            )
            if (answer := connection.execute(query).fetchone()) != (case.expected,):
                wrong[str(case)] = answer
    assert wrong == {}
