"""A run on bundled fixtures: the same decoding, attribution and sums, no network, nothing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from importlib import resources

import msgspec
import structlog
from zakaz_common.city import UNATTRIBUTED, CityDirectory
from zakaz_common.moscow import moscow_day, parse_time
from zakaz_common.run import RunContext

from .attribution import CityBook, Event
from .listing import read_listing
from .load import read_daily, read_objects
from .records import Page, Statistics
from .transform import BANNER_COLUMNS, DAILY_COLUMNS, banner_rows
from .windows import Window

log = structlog.get_logger()

_ACCOUNT = "fixture"


class _Season(msgspec.Struct):
    """Everything the fixtures hold: answers of the API, and what the warehouse would know of cities."""

    server_time: str
    first: date
    last: date
    aliases: dict[str, str]
    events: dict[int, str]
    pages: dict[str, Page]
    statistics: Statistics


class FixtureSource:
    """Answers like the API client, from a file of the package."""

    def __init__(self, season: _Season) -> None:
        self._season = season
        self.server_time: datetime | None = parse_time(season.server_time)

    def currency(self) -> str:
        """The fixture's currency."""
        return "RUB"

    def listing(self, resource: str) -> list[tuple[int, msgspec.Raw]]:
        """The fixture's objects of a resource."""
        return read_listing(lambda name, _: self._season.pages[name], resource, (), 50)

    def daily(self, ids: Sequence[int], first: date, last: date) -> list[msgspec.Raw]:
        """The fixture's statistics."""
        return self._season.statistics.items


def dry_run(context: RunContext) -> None:
    """Process the fixtures and log what a run would write."""
    text = resources.files(__package__).joinpath("fixtures/season.json").read_bytes()
    season = msgspec.json.decode(text, type=_Season)
    source = FixtureSource(season)
    book = CityBook(CityDirectory(season.aliases), {one: Event(city) for one, city in season.events.items()})
    cabinet = read_objects(context, _ACCOUNT, source)
    banners, _ = banner_rows(_ACCOUNT, cabinet, book, today=moscow_day(parse_time(season.server_time)), version=1)
    city_of = {row[1]: row[BANNER_COLUMNS.index("city")] or UNATTRIBUTED for row in banners}
    window = Window(season.first, season.last, "fixtures")
    spend: Counter[str] = Counter()
    days = 0
    for _, daily in read_daily(context, _ACCOUNT, source, cabinet, window, currency=source.currency(), version=1):
        days += len(daily.rows)
        for row in daily.rows:
            spend[city_of[row[2]]] += row[DAILY_COLUMNS.index("spend")]
    total = sum(spend.values(), Decimal(0))
    log.info(
        "dry_run_result",
        banners=len(banners),
        banner_days=days,
        spend_by_city={city: str(money) for city, money in sorted(spend.items())},
        spend_total=str(total),
    )
