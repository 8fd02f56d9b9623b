"""The words by which a customer is found: of their values when stored, of the search box when typed.

Called by `projections.model.customers` and `projections.read.search`, so that both sides fold alike. Folding for search
is wider than for conditions (`domain.values.fold`): accents, apostrophes and other punctuation make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# Longer words are cut, when stored and when typed.
MAX_WORD = 32
# So many of a customer's words are kept.
MAX_WORDS = 1_000
# Only so many characters of a folded text become words: one character may fold to eighteen, each may begin a word, and
# PostgreSQL refuses a tsvector of more than 1 MB.
MAX_CHARACTERS = 1_000

_ASCII_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHES = re.compile("['\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07`\u00b4]")
_NON_JOINER = "\u200c"
# Letters that are no accented form of the letter that people type instead.
_TYPED_AS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)
# Scripts without blanks between words: Thai, Lao, Myanmar, Khmer, kana, Chinese characters, Hangul.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")


def words_of(phone: str | None, texts: Sequence[str]) -> list[str]:
    """Returns the words by whose beginnings a customer is found, sorted: the number, then `MAX_WORDS` of the texts.

    A text in a script without blanks is found from any of its characters on, one with an apostrophe also without, and
    one with a zero-width non-joiner also as two words: Persian is written either way.
    """
    words: set[str] = set()
    for text in texts:
        words.update(_words_of_text(text))
        if len(words) > MAX_WORDS:
            words = set(list(dict.fromkeys(word for each in texts for word in _words_of_text(each)))[:MAX_WORDS])
            break
    if phone:
        words.add(phone.lstrip("+")[:MAX_WORD])
    return sorted(words)


@lru_cache(maxsize=8_192)
def _words_of_text(text: str) -> tuple[str, ...]:
    """The words of a stored text; most values of customers are those of many others."""
    words = _words(text)
    if _APOSTROPHES.search(text):
        words += _words(_APOSTROPHES.sub("", text))
    if _NON_JOINER in text:
        words += _words(text.replace(_NON_JOINER, " "))
    if not text.isascii():
        words += [rest for word in words for rest in _rests(word)]
    return tuple(word[:MAX_WORD] for word in words)


def typed_words(text: str) -> list[str]:
    """Returns the words of a text as they are looked for, in their order."""
    return [word[:MAX_WORD] for word in _words(text)]


def _words(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text.lower()[:MAX_CHARACTERS])
    return [run for word in _folded(text[:MAX_CHARACTERS])[:MAX_CHARACTERS].split() for run in _RUN.findall(word)]


def _folded(text: str) -> str:
    """Folds case, compatibility forms, accents and vowel points; what is no letter, digit or symbol becomes a blank."""
    text = _APOSTROPHES.sub(" ", text)
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_TYPED_AS)
    return unicodedata.normalize("NFC", "".join(map(_part, folded)))


@lru_cache(maxsize=8_192)
def _part(char: str) -> str:
    if char.isalnum():
        return char
    category = unicodedata.category(char)
    if category == "Cf" or "\ufe00" <= char <= "\ufe0f" or _is_accent(char):
        return ""
    if category == "So":
        return f" {char} "
    return char if category[0] == "M" else " "


def _is_accent(char: str) -> bool:
    """Returns whether a mark is an accent or a vowel point; signs that make another letter of it are not."""
    combining_class = unicodedata.combining(char)
    return 10 <= combining_class <= 36 or combining_class >= 200


def _rests(word: str) -> list[str]:
    """Returns the word from each of its characters on, where its script has no blanks."""
    if not re.match(f"[{_UNSPACED}]", word):
        return []
    return [
        word[start : start + MAX_WORD] for start in range(1, len(word)) if unicodedata.category(word[start])[0] != "M"
    ]
