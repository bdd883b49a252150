"""The rank of a record's field, and how a record is read whose fields are not what was promised.

Each field of a record type has a rank, stated in its type:

- `Identity[T]`: a figure needs it. Unreadable: the record is rejected, with place and reason.
- `Descriptive[T]`: no figure needs it. Unreadable: it is empty (its default), that is counted, the record loads.
- a field that the type does not name is ignored: it is never decoded.

Records are decoded strictly first, a page at a time; only one that fails comes here, where each field is looked at
by itself.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import NODEFAULT, Meta, Struct
from msgspec.inspect import (
    DateTimeType,
    DictType,
    IntType,
    ListType,
    Metadata,
    RawType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from zakaz_common.text import DAMAGED_TEXT, clean_text, is_damaged, read_json

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

Identity = Annotated[T, Meta(extra={"rank": "identity"})]
Descriptive = Annotated[T, Meta(extra={"rank": "descriptive"})]

Note = Callable[[str, str], None]
"""Told of a field that was left empty or mended: its JSON path and the reason."""


class UnreadableError(ValueError):
    """A field that a figure needs cannot be read. `path` is its JSON path; no text holds a value of the record."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    key: str
    """What the API calls it."""
    kind: Any
    rank: str
    default: Callable[[], Any] | None
    record: type[Struct] | None
    """The record type that the field may be."""
    many: type[Struct] | None
    """The record type that the field may hold many of."""
    whole_number: bool
    moment: bool
    raw: bool


def ranks_of(kind: type[Struct]) -> dict[str, str]:
    """The rank of every field of a record type, by the field's name."""
    return {field.name: field.rank for field in _fields(kind)}


def decode_record(kind: type[S], raw: msgspec.Raw | bytes, note: Note, *, drop: Note | None = None) -> S:
    """A record of JSON, strictly; when that fails as `read_record` does, whose parameters and error it has."""
    try:
        return _decoder(kind).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read_record(kind, bytes(raw), note, drop=drop)


@cache
def _decoder(kind: type[S]) -> msgspec.json.Decoder[S]:
    return msgspec.json.Decoder(kind)


def read_record(kind: type[S], raw: bytes, note: Note, *, drop: Note | None = None) -> S:
    """A record of JSON, field by field.

    Parameters: `note` is told of each descriptive field that was left empty; `drop` of each record within a
    descriptive list that was left out, since a field that a figure needs was unreadable in it (`note` without it).
    Raises UnreadableError when such a field is the record's own.
    """
    try:
        value = read_json(raw)
    except msgspec.DecodeError as error:
        raise UnreadableError("$", str(error)) from None
    return _read(kind, value, "$", note, drop or note)


def noted_text(sent: str | None, path: str, note: Note) -> str:
    """A text as it may be stored, '' for none; `note` is told when something in it was replaced or cut."""
    cleaned = clean_text(sent or "")
    if is_damaged(sent or "", cleaned):
        note(path, DAMAGED_TEXT)
    return cleaned


def with_clean_texts(record: S, names: Collection[str], note: Note) -> S:
    """The record with the texts of these fields as they may be stored (`noted_text`)."""
    changes: dict[str, str] = {}
    for field in _fields(type(record)):
        if field.name in names:
            sent = getattr(record, field.name)
            cleaned = noted_text(sent, f"$.{field.key}", note)
            if cleaned != sent:
                changes[field.name] = cleaned
    return msgspec.structs.replace(record, **changes) if changes else record


def _read(kind: type[S], value: Any, path: str, note: Note, drop: Note) -> S:
    if not isinstance(value, dict):
        raise UnreadableError(path, f"Expected `object`, got `{_type_name(value)}`")
    found: dict[str, Any] = {}
    for field in _fields(kind):
        place = f"{path}.{field.key}"
        if field.key not in value:
            if field.default is None:
                raise UnreadableError(place, f"Object missing required field `{field.key}`")
            continue
        try:
            found[field.name] = _value(field, value[field.key], place, note, drop)
        except UnreadableError as error:
            if field.rank == "identity" or field.default is None:
                raise
            note(error.path, error.reason)
    return kind(**found)


def _value(field: _Field, value: Any, path: str, note: Note, drop: Note) -> Any:
    if field.record is not None and isinstance(value, dict):
        return _read(field.record, value, path, note, drop)
    if field.many is not None and isinstance(value, dict | list):
        return _many(field.many, value, path, note, None if field.rank == "identity" else drop)
    if field.raw:
        return msgspec.Raw(msgspec.json.encode(value))
    if field.rank == "descriptive" and field.whole_number and isinstance(value, str):
        digits = value.strip()
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else value
    if field.moment and isinstance(value, str):
        value = _moment(value)
    try:
        return msgspec.convert(value, field.kind)
    except msgspec.ValidationError as error:
        reason, _, inner = str(error).partition(" - at ")
        raise UnreadableError(path + inner.strip("`$"), reason) from None


def _moment(text: str) -> datetime | str:
    """A time in a form of ISO 8601 that msgspec does not know, such as without seconds, if it has an offset."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    return text if found.tzinfo is None else found


def _many(
    kind: type[Struct], values: list[Any] | dict[str, Any], path: str, note: Note, drop: Note | None
) -> list[Struct] | dict[str, Struct]:
    """Records of a list, or of the object that PHP makes of a list with holes: its keys tell nothing of the place."""
    found: dict[Any, Struct] = {}
    keys: Iterable[Any] = values if isinstance(values, dict) else range(len(values))
    for position, key in enumerate(keys):
        try:
            found[key] = _read(kind, values[key], f"{path}[{position}]", note, drop or note)
        except UnreadableError as error:
            if drop is None:
                raise
            drop(error.path, error.reason)
    return found if isinstance(values, dict) else list(found.values())


@cache
def _fields(kind: type[Struct]) -> tuple[_Field, ...]:
    described = {field.name: field.type for field in type_info(kind).fields}  # type: ignore[attr-defined]
    return tuple(_field(field, described[field.name]) for field in msgspec.structs.fields(kind))


def _field(field: msgspec.structs.FieldInfo, type_: Type) -> _Field:
    default: Callable[[], Any] | None = None
    if field.default is not NODEFAULT:
        default = partial(_same, field.default)
    elif field.default_factory is not NODEFAULT:
        default = field.default_factory
    alternatives = _alternatives(type_)
    items = [one.item_type for one in alternatives if isinstance(one, ListType)]
    items += [one.value_type for one in alternatives if isinstance(one, DictType)]
    return _Field(
        field.name,
        field.encode_name,
        field.type,
        (type_.extra or {}).get("rank", "identity") if isinstance(type_, Metadata) else "identity",
        default,
        next((one.cls for one in alternatives if isinstance(one, StructType)), None),
        next((one.cls for one in items if isinstance(one, StructType)), None),
        any(isinstance(one, IntType) for one in alternatives),
        any(isinstance(one, DateTimeType) for one in alternatives),
        any(isinstance(one, RawType) for one in alternatives),
    )


def _same(value: Any) -> Any:
    return value


def _alternatives(type_: Type) -> tuple[Type, ...]:
    if isinstance(type_, Metadata):
        return _alternatives(type_.type)
    if isinstance(type_, UnionType):
        return tuple(inner for one in type_.types for inner in _alternatives(one))
    return (type_,)


def _type_name(value: Any) -> str:
    names = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str", list: "array"}
    return names.get(type(value), "object")
