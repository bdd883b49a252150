"""A run on bundled fixtures: the same decoding, attribution and sums, no network, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from importlib import resources

import msgspec
import structlog
from zakaz_common.attribution.rules import CityBook, Event
from zakaz_common.city import CityDirectory
from zakaz_common.moscow import moscow_day, parse_time
from zakaz_common.run import RunContext
from zakaz_common.window import Window

from vk_ads.load import load_banners, load_statistics, read_objects
from vk_ads.paging.listing import read_listing
from vk_ads.records import Page, Statistics
from vk_ads.sink import DryRunSink

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
    sink = DryRunSink()
    load_banners(_ACCOUNT, sink, cabinet, book, moscow_day(parse_time(season.server_time)))
    window = Window.of_days(season.first, season.last, "fixtures")
    load_statistics(context, _ACCOUNT, source, sink, cabinet, window, source.currency())
    log.info(
        "dry_run_result",
        banners=len(sink.cities),
        banner_days=sink.banner_days,
        spend_by_city={city: str(money) for city, money in sorted(sink.spend.items())},
        spend_total=str(sink.total),
    )
