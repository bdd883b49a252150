"""Characters that are no text, in any field of any answer."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zakaz_common.text import LONGEST, clean_text, holds_replacement, is_damaged, mended_json, read_json, tolerant


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Концерт", "Концерт"),
        ("Ёлка 🎄 и 👨‍👩‍👧", "Ёлка 🎄 и 👨‍👩‍👧"),
        ("a\ud83db", "a\ufffdb"),
        ("a\x00b\x07", "a\ufffdb\ufffd"),
        ("a\nb\tc", "a b c"),
        ("1\u202e00\u202c", "1\ufffd00\ufffd"),
        ("  x \u00a0", "x"),
        ("й" * 65_536, "й" * LONGEST),
    ],
)
def test_text_as_it_may_be_shown(sent, kept):
    assert clean_text(sent) == kept


@pytest.mark.parametrize(("sent", "damaged"), [("x", False), (" x\u00a0", False), ("a\nb", False), ("a\x00", True),
                                                ("\ufffd", True), ("x" * (LONGEST + 1), True)])  # fmt: skip
def test_what_cleaning_took_is_noticed(sent, damaged):
    assert is_damaged(sent, clean_text(sent)) is damaged


@given(st.text(st.characters(codec="utf-8")))
def test_cleaned_text_is_stable_and_can_be_stored(text):
    once = clean_text(text)
    assert clean_text(once) == once
    assert once.encode().decode() == once
    assert len(once) <= LONGEST


@pytest.mark.parametrize(
    "body",
    [
        rb'{"a": "\ud83d", "n": 1}',
        rb'{"a": "\udc00x", "n": 1}',
        b'{"a": "\xff\xfe", "n": 1}',
        b'{"a": "x\x00\n", "n": 1}',
        b'{"a": NaN, "n": 1}',
        rb'{"\ud800": 0, "a": 1, "n": 1}',
        b'\xef\xbb\xbf{"n": 1}',
        b'{"a": 123456789012345678901234567890, "n": 1}',
    ],
)
def test_a_broken_character_costs_no_answer(body):
    decode = tolerant(msgspec.json.Decoder(dict).decode)
    assert decode(body)["n"] == 1


def test_characters_that_are_text_are_left_as_they_are():
    body = rb'{"pair": "\ud83d\ude00", "escaped": "\\ud83d", "price": 1349.1000000000001}'
    assert msgspec.json.decode(mended_json(body)) == json.loads(body)
    assert holds_replacement(mended_json(rb'["\ud83d"]'))
    assert not holds_replacement(mended_json(body))


@pytest.mark.parametrize("body", [b'{"a": "\xd0', rb'{"a": "\ud83d', b"", b"<html>", b"[" * 100_000])
def test_half_an_answer_is_none(body):
    with pytest.raises(msgspec.DecodeError):
        tolerant(msgspec.json.Decoder(dict).decode)(body)
    with pytest.raises(msgspec.DecodeError):
        read_json(body)


TEXT = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
)


@given(JSON)
def test_sound_json_keeps_its_value(value):
    assert msgspec.json.decode(mended_json(json.dumps(value).encode())) == value
