"""Which words a name is found by, and that what is typed folds as what is stored."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.search_words import MAX_WORD, typed_words, words_of
from domain.values import MAX_TEXT


def is_found(name: str, typed: str) -> bool:
    words = words_of(None, [name])
    wanted = typed_words(typed)
    return bool(wanted) and all(any(word.startswith(each) for word in words) for each in wanted)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("<Ann> Lee", "ann"),
        ("<Ann> Lee", "<Ann>"),
        ("<Ann> Lee", "<Ann> Lee"),
        ("O'Neil", "O’Neil"),
        ("O’Neil", "o'neil"),
        ("O’Neil", "ONeil"),
        ("O'Neil", "neil"),
        ("Muller", "Müller"),
        ("Müller", "muller"),
        ("Mu\u0308ller", "Müller"),
        ("Straße", "strasse"),
        ("Søren Łukasz", "soren lukasz"),
        ("Soren", "Søren"),
        ("Ægir", "aegir"),
        ("İsmail Işık", "ismail isik"),
        ("山田太郎", "太郎"),
        ("山田太郎", "山田"),
        ("山田 太郎", "山田太郎"[:2]),
        ("김철수", "철수"),
        ("ﾔﾏﾀﾞ", "ヤマダ"),
        ("สมชาย ใจดี", "ชาย"),
        ("علی\u200cرضا", "علیرضا"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("علی\u200cرضا", "رضا"),
        ("علیرضا", "علی\u200cرضا"),
        ("مُحَمَّد", "محمد"),
        ("क्\u200dष", "क्ष"),
        ("Мар’яна", "мар'яна"),
        ("Ann 🚀", "🚀"),
        ("Jean-Luc", "luc"),
        ("ＡＮＮ", "ann"),
        ("a" * 100, "a" * 90),
        ("山" * 50 + "田", "田"),
    ],
)
def test_a_customer_is_found_by(name: str, typed: str) -> None:
    assert is_found(name, typed)


@pytest.mark.parametrize(
    ("name", "typed"),
    [("Ann Lee", "nn"), ("山田太郎", "郎太"), ("がく", "かく"), ("Ann", "<>"), ("Ann", ""), ("Ann", "Ann Lee")],
)
def test_a_customer_is_not_found_by(name: str, typed: str) -> None:
    assert not is_found(name, typed)


KANA = "".join(Random(1).choices([chr(code) for code in range(0x3300, 0x3358)], k=MAX_TEXT))


@pytest.mark.parametrize("name", [KANA, "山" * MAX_TEXT, "\U00020000" * MAX_TEXT, "\ufdfa" * MAX_TEXT, "a'" * 2_048])
def test_the_longest_name_becomes_few_enough_words_for_a_tsvector(name: str) -> None:
    """A square of kana folds to six characters at most, any of which may be looked for."""
    words = words_of(None, [name])
    assert 0 < sum(len(word.encode()) for word in words) < 300_000
    assert is_found(name, name)


@given(name=st.text(max_size=40))
def test_a_name_is_found_by_itself_and_by_its_beginning(name: str) -> None:
    words = words_of("+351912345678", [name])
    assert "351912345678" in words
    assert all(0 < len(word) <= MAX_WORD and word.split() == [word] and "\x00" not in word for word in words)
    for typed in (name, name.upper() if name.upper().lower() == name.lower() else name):
        assert typed_words(typed) == [] or is_found(name, typed), typed
