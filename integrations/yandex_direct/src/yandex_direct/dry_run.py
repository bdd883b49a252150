"""A run on bundled fixtures: the same decoding, attribution and sums, no network, nothing written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from importlib import resources

import msgspec
import structlog
from zakaz_common.attribution.rules import CityBook, Event
from zakaz_common.city import CityDirectory
from zakaz_common.moscow import now_moscow
from zakaz_common.run import RunContext
from zakaz_common.window import Window

from yandex_direct.load import money_of
from yandex_direct.objects.load import list_objects, load_ads, read_objects
from yandex_direct.reports.load import load_statistics
from yandex_direct.reports.periods import Answer
from yandex_direct.reports.request import ReportKind
from yandex_direct.reports.table import read_table
from yandex_direct.sink import DryRunSink
from yandex_direct.transform import Money

log = structlog.get_logger()

_ACCOUNT = "fixture"


class _Season(msgspec.Struct):
    """Everything the fixtures hold: answers of the API, and what the warehouse would know of cities."""

    today: date
    first: date
    last: date
    currency: str
    aliases: dict[str, str]
    events: dict[int, str]
    campaigns: list[msgspec.Raw]
    ad_groups: list[msgspec.Raw]
    ads: list[msgspec.Raw]
    reports: dict[str, list[str]]


class FixtureSource:
    """Answers like the API client, from a file of the package."""

    def __init__(self, season: _Season) -> None:
        self._season = season

    def money(self) -> Money:
        """The fixture's currency."""
        return Money(self._season.currency)

    def campaigns(self) -> list[msgspec.Raw]:
        """The fixture's campaigns."""
        return self._season.campaigns

    def ad_groups(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        """The fixture's groups."""
        return self._season.ad_groups

    def ads(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        """The fixture's ads."""
        return self._season.ads

    def report(self, kind: ReportKind, first: date, last: date) -> Iterator[Answer]:
        """The fixture's report, whose lines have a | for each tab."""
        text = "".join(f"{line}\n" for line in self._season.reports[kind.name]).replace("|", "\t")
        yield Answer(first, last, read_table(text.encode(), kind.fields))


def dry_run(context: RunContext) -> None:
    """Process the fixtures and log what a run would write."""
    text = resources.files(__package__).joinpath("fixtures/season.json").read_bytes()
    season = msgspec.json.decode(text, type=_Season)
    source = FixtureSource(season)
    book = CityBook(CityDirectory(season.aliases), {one: Event(city) for one, city in season.events.items()})
    sink = DryRunSink()
    window = Window.of_days(season.first, season.last, "fixtures")
    names = load_statistics(context, _ACCOUNT, source, sink, window, money_of(_ACCOUNT, source), [])
    cabinet = read_objects(context, _ACCOUNT, list_objects(source, now_moscow()))
    load_ads(_ACCOUNT, sink, cabinet, sink.staged, names, (), book, season.today)
    log.info(
        "dry_run_result",
        ads=sink.ads_seen,
        ad_days=sink.ad_days,
        spend_by_city={city: str(money) for city, money in sorted(sink.spend.items())},
        spend_total=str(sum(sink.spend.values())),
    )
