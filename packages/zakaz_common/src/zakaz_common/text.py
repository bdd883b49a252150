"""Text of an API as it may be stored and shown: no broken, control or direction characters, not endless."""

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
REPLACEMENT = "\ufffd"
LONGEST = 1000
"""Characters of a name that are kept."""
DAMAGED_TEXT = "characters that are no text, or more of them than are kept, were replaced or cut"
"""Why a text was changed."""

_BLANKS = "\t\n\r\v\f\x85\u2028\u2029"
# Marks that turn the direction of what is around them: a name could make a table show another figure.
_DIRECTION = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_TABLE = {ord(c): " " for c in _BLANKS} | {ord(c): REPLACEMENT for c in _DIRECTION}
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean_text(text: str, longest: int = LONGEST) -> str:
    """The text with each control and direction character as U+FFFD, trimmed and cut to `longest` characters."""
    if not text.isprintable():
        text = "".join(REPLACEMENT if unicodedata.category(c) in ("Cc", "Cs") else c for c in text.translate(_TABLE))
    return text.strip()[:longest].strip()


def is_damaged(sent: str, cleaned: str) -> bool:
    """Whether cleaning took more than outer blanks from a text, or it had been damaged before."""
    return REPLACEMENT in cleaned or " ".join(sent.split()) != " ".join(cleaned.split())


def mended_json(body: bytes) -> bytes:
    """The same JSON for strict readers, who refuse it whole for one broken character in any field.

    Lone UTF-16 surrogates and bytes that are not UTF-8 become U+FFFD, raw control characters stay in their text,
    NaN and infinities become null, a byte order mark before it goes. Raises msgspec.DecodeError for what is no JSON
    even so, such as half an answer.
    """
    return msgspec.json.encode(read_json(body))


def read_json(body: bytes) -> Any:
    """The value of JSON, with broken characters in any text replaced. Raises msgspec.DecodeError for what is none."""
    try:
        return _without_surrogates(json.loads(body.decode("utf-8-sig", "replace"), strict=False))
    except (ValueError, RecursionError):
        raise msgspec.DecodeError("the text is no JSON, or only a part of it") from None


def tolerant(decode: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """A decoder that reads an answer again with its broken characters replaced, when they are all that is wrong."""

    def read(body: bytes) -> T:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return decode(mended_json(body))

    return read


def holds_replacement(raw: bytes) -> bool:
    """Whether a raw JSON record holds a replaced character."""
    return b"\xef\xbf\xbd" in raw or b"\\ufffd" in raw.lower()


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATES.sub(REPLACEMENT, value)
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(one) for key, one in value.items()}
    return value
