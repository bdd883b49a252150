"""A record whose fields are not what was promised, field by field."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct
from zakaz_common.ranks import (
    Descriptive,
    Identity,
    UnreadableError,
    decode_record,
    noted_text,
    ranks_of,
    read_record,
    with_clean_texts,
)
from zakaz_common.text import DAMAGED_TEXT


class Part(Struct):
    id: Identity[int]
    name: Descriptive[str | None] = None


class Price(Struct):
    amount: Descriptive[float | None] = None


class Record(Struct):
    id: Identity[int]
    parts: Identity[list[Part] | dict[str, Part]]
    paid: Identity[bool | None] = None
    name: Descriptive[str | dict[str, Any] | None] = None
    group: Descriptive[int | None] = None
    price: Descriptive[Price | float | None] = None
    extras: Descriptive[list[Part] | dict[str, Part]] = []
    raw: Descriptive[msgspec.Raw] = msgspec.Raw(b"null")
    at: Identity[Annotated[datetime, Meta(tz=True)] | None] = None


def read(**fields: Any):
    noted, dropped = [], []
    record = read_record(
        Record, json.dumps({"id": 1, "parts": [], **fields}).encode(),
        lambda path, reason: noted.append(path), drop=lambda path, reason: dropped.append(path),
    )  # fmt: skip
    return record, noted, dropped


@pytest.mark.parametrize(
    ("field", "value"), [("name", 5), ("group", "x"), ("group", 1.5), ("price", "free"), ("price", []), ("extras", 7)]
)
def test_an_unreadable_descriptive_field_is_empty_and_noted(field, value):
    record, noted, _ = read(**{field: value})
    assert noted == [f"$.{field}"]
    assert getattr(record, field) == getattr(Record(1, []), field)


@pytest.mark.parametrize(
    ("fields", "path"),
    [({"id": "1"}, "$.id"), ({"id": None}, "$.id"), ({"paid": "yes"}, "$.paid"), ({"parts": None}, "$.parts"),
     ({"parts": [{"id": 1}, {"id": "x"}]}, "$.parts[1].id"), ({"parts": {"7": {}}}, "$.parts[0].id"),
     ({"parts": ["x"]}, "$.parts[0]"), ({"at": "2026-11-01T10:00"}, "$.at"), ({"at": "2026-11-01"}, "$.at"),
     ({"at": 1_793_520_000}, "$.at")],
)  # fmt: skip
def test_an_unreadable_identity_field_rejects_the_record_with_its_path(fields, path):
    with pytest.raises(UnreadableError) as refusal:
        read(**fields)
    assert refusal.value.path == path
    assert "yes" not in refusal.value.reason


def test_a_missing_identity_field_is_named():
    with pytest.raises(UnreadableError, match="`parts`"):
        read_record(Record, b'{"id": 1}', lambda *_: None)


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"x"', b"{"])
def test_what_is_no_record_is_rejected(raw):
    with pytest.raises(UnreadableError) as refusal:
        read_record(Record, raw, lambda *_: None)
    assert refusal.value.path == "$"


def test_one_broken_part_of_a_descriptive_list_is_left_out():
    record, noted, dropped = read(extras=[{"id": 1, "name": 5}, {"id": None}, 3, {"id": 2}])
    assert [part.id for part in record.extras] == [1, 2]
    assert (noted, dropped) == (["$.extras[0].name"], ["$.extras[1].id", "$.extras[2]"])


def test_what_is_readable_stays_as_it_is():
    record, noted, dropped = read(
        parts={"3": {"id": 5}}, paid=True, name={"ru": "имя"}, group="17", price={"amount": 3}, raw={"a": [1]}
    )
    assert (noted, dropped) == ([], [])
    assert (record.parts, record.paid, record.name, record.group) == ({"3": Part(5)}, True, {"ru": "имя"}, 17)
    assert (record.price, bytes(record.raw)) == (Price(3.0), b'{"a":[1]}')


@pytest.mark.parametrize(
    "text",
    ["2026-11-01T10:00+03:00", "2026-11-01T10:00:00+03", " 2026-11-01 10:00:00+0300", "20261101T100000+0300",
     "2026-11-01T07:00Z"],
)  # fmt: skip
def test_a_time_with_an_offset_is_read_in_any_form_of_the_standard(text):
    assert read(at=text)[0].at == datetime(2026, 11, 1, 7, tzinfo=UTC)


def test_broken_characters_become_a_sign():
    record = read_record(Record, rb'{"id": 1, "parts": [], "name": "a\ud83d"}', lambda *_: None)
    assert record.name == "a\ufffd"


def test_each_field_has_its_rank():
    assert ranks_of(Part) == {"id": "identity", "name": "descriptive"}


class Foreign(Struct, rename="pascal"):
    """Fields with the names of an API that writes them otherwise."""

    ad_id: Identity[int]
    long_name: Descriptive[str | None] = None


def test_a_field_is_looked_for_under_the_name_the_api_gives_it():
    noted = []
    record = read_record(Foreign, b'{"AdId": 5, "LongName": 7}', lambda path, _: noted.append(path))
    assert (record.ad_id, record.long_name, noted) == (5, None, ["$.LongName"])
    with pytest.raises(UnreadableError, match="`AdId`"):
        read_record(Foreign, b'{"ad_id": 5}', lambda *_: None)


def noting():
    noted = []
    return noted, lambda path, reason: noted.append((path, reason))


@pytest.mark.parametrize("form", [bytes, msgspec.Raw])
def test_a_record_is_decoded_strictly_and_field_by_field_where_that_fails(form):
    noted, note = noting()
    assert decode_record(Foreign, form(b'{"AdId": 5, "LongName": "x"}'), note) == Foreign(5, "x")
    assert noted == []
    assert decode_record(Foreign, form(b'{"AdId": 6, "LongName": 7}'), note) == Foreign(6, None)
    assert [path for path, _ in noted] == ["$.LongName"]
    with pytest.raises(UnreadableError) as refusal:
        decode_record(Foreign, form(b'{"LongName": "x"}'), note)
    assert refusal.value.path == "$.AdId"


def test_what_is_kept_raw_of_a_sound_record_is_what_was_sent():
    record = decode_record(Record, b'{"id": 1, "parts": [], "raw": {"a": 1.10}}', noting()[1])
    assert bytes(record.raw) == b'{"a": 1.10}'


@pytest.mark.parametrize("broken", [rb"\ud83d", b"\xff"])
def test_a_record_of_broken_characters_is_decoded_with_a_sign_for_each(broken):
    assert decode_record(Foreign, b'{"AdId": 5, "LongName": "a' + broken + b'"}', noting()[1]).long_name == "a\ufffd"


def test_a_decoded_record_tells_apart_what_is_empty_and_what_was_left_out():
    noted, note = noting()
    dropped, drop = noting()
    record = decode_record(Record, b'{"id": 1, "parts": [], "group": "x", "extras": [{"id": "y"}]}', note, drop=drop)
    assert (record.group, record.extras) == (None, [])
    assert [[path for path, _ in some] for some in (noted, dropped)] == [["$.group"], ["$.extras[0].id"]]


@pytest.mark.parametrize(
    ("sent", "stored", "told"),
    [("x", "x", False), (" x ", "x", False), ("", "", False), (None, "", False), ("a\x00", "a\ufffd", True)],
)
def test_a_text_is_stored_clean_and_told_of_when_it_was_mended(sent, stored, told):
    noted, note = noting()
    assert noted_text(sent, "$.name", note) == stored
    assert noted == ([("$.name", DAMAGED_TEXT)] if told else [])


def test_only_the_texts_that_are_named_are_cleaned_each_under_the_name_the_api_gives_it():
    class Named(Foreign, rename="pascal"):
        note: Descriptive[str | None] = None
        kind: Descriptive[str | None] = None

    noted, note = noting()
    sent = Named(5, "a\x00", " b\x00", None)
    assert with_clean_texts(sent, ("long_name", "kind"), note) == Named(5, "a\ufffd", " b\x00", "")
    assert noted == [("$.LongName", DAMAGED_TEXT)]
    assert sent.long_name == "a\x00"
