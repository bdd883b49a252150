"""From events to columns of staging: few records, taken one by one. Pure functions: no clock, no network."""

from collections.abc import Callable, Iterable
from functools import partial

from zakaz_common.city import UNATTRIBUTED, CityDirectory
from zakaz_common.columns import Row, by_column
from zakaz_common.run_journal import DegradedField
from zakaz_common.versions import version_of

from qtickets_api.records import City, Event, Show
from qtickets_api.rows.families import Family
from qtickets_api.rows.readers import localised, loose_money, loose_second, price_shown, shown_text

EVENT_KEYS = ("event_id",)
EVENT_COLUMNS = (
    "event_id", "name", "place_name", "city_id", "city_raw", "city", "timezone", "currency", "is_active",
    "created_at", "updated_at", "deleted_at", "_ver",
)  # fmt: skip
SHOW_KEYS = ("event_id", "show_id")
SHOW_COLUMNS = (
    "event_id", "show_id", "name", "is_active", "starts_at", "finishes_at", "timezone", "min_price",
    "max_price", "updated_at", "deleted_at", "_ver",
)  # fmt: skip

NoteOf = Callable[[str], Callable[[str], None]]
"""For a field's path: who is told the reason when the field is left empty."""


def event_family(events: Iterable[Event], cities: CityDirectory, scan: int) -> Family:
    """Rows of events and shows; `scan` is the read they come from (`versions`). No event is rejected here."""
    held: dict[int, tuple[int, Row, list[Row]]] = {}
    degraded: list[DegradedField] = []

    def note_of(event: Event) -> NoteOf:
        def at(path: str) -> Callable[[str], None]:
            return lambda reason: degraded.append(DegradedField("events", str(event.id), path, reason))

        return at

    for event in events:
        found = _event(event, cities, scan, note_of(event))
        if event.id not in held or held[event.id][0] <= found[0]:
            held[event.id] = found
    return Family(
        by_column(EVENT_COLUMNS, [event_row for _, event_row, _ in held.values()]),
        by_column(SHOW_COLUMNS, [show_row for _, _, show_rows in held.values() for show_row in show_rows]),
        degraded=degraded,
    )


def _event(event: Event, cities: CityDirectory, scan: int, note: NoteOf) -> tuple[int, Row, list[Row]]:
    updated_at = loose_second(event.updated_at, note("$.updated_at"))
    created_at = loose_second(event.created_at, note("$.created_at"))
    version = version_of(scan, updated_at)
    city = event.city if isinstance(event.city, City) else City()
    city_sent, city_shown = localised(city.name), shown_text(city.name, note("$.city.name"))
    city_raw = city_sent if city_sent.strip() == city_shown else city_shown
    zone = shown_text(city.timezone, note("$.city.timezone"))
    row = (
        event.id,
        shown_text(event.name, note("$.name")),
        shown_text(event.place_name, note("$.place_name")),
        event.city_id or city.id or 0,
        city_raw,
        cities.resolve(city_raw) or UNATTRIBUTED,
        zone,
        shown_text(event.currency_id, note("$.currency_id")) or "RUB",
        int(bool(event.is_active)),
        created_at or updated_at or 0,
        updated_at or created_at or 0,
        loose_second(event.deleted_at, note("$.deleted_at")),
        version,
    )
    shows = event.shows if isinstance(event.shows, list) else list(event.shows.values())
    return version, row, [_show(event.id, show, zone, version, note) for show in shows]


def _show(event_id: int, show: Show, zone: str, version: int, note: NoteOf) -> Row:
    def at(field: str) -> Callable[[str], None]:
        return note(f"$.shows[id={show.id}].{field}")

    prices = (("min_price", price_shown(show.min_price)), ("max_price", price_shown(show.max_price)))
    return (
        event_id,
        show.id,
        shown_text(show.name, at("name")),
        int(bool(show.is_active)),
        loose_second(show.start_date, at("start_date")),
        loose_second(show.finish_date, at("finish_date")),
        zone,
        *(loose_money([price], partial(_of_one, at(field)))[0] for field, price in prices),
        loose_second(show.updated_at, at("updated_at")),
        loose_second(show.deleted_at, at("deleted_at")),
        version,
    )


def _of_one(note: Callable[[str], None], _: int, reason: str) -> None:
    note(reason)
