"""The rows of a report: grouped as its type groups them, filtered, sorted, cut at the limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from api_sandbox.yandex_direct.cabinets import DirectAccount
from api_sandbox.yandex_direct.facts import SCALE, Fact, facts
from api_sandbox.yandex_direct.report_fields import ATTRIBUTES, DIMENSIONS, IMPLIED, METRICS, MISSING
from api_sandbox.yandex_direct.report_spec import Filter, ReportSpec
from api_sandbox.yandex_direct.vat import rate

_REVENUE_OF_A_GOAL = 250_000
_MICROS = 10_000


@dataclass(frozen=True, slots=True)
class Money:
    """Kopecks, which a header tells to write as roubles or as millionths."""

    kopecks: int


Cell = str | int | Money


@dataclass(frozen=True, slots=True)
class Table:
    """A finished report."""

    name: str
    first: date
    last: date
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class _Sum:
    """The metrics of one row; ``cost`` is in hundred-thousandths of a kopeck, so that VAT in per cent is exact."""

    __slots__ = ("clicks", "cost", "goals", "shows")

    def __init__(self) -> None:
        self.shows = self.clicks = self.cost = 0
        self.goals: int | None = None

    def add(self, fact: Fact, per_cent: int) -> None:
        self.shows += fact.shows
        self.clicks += fact.clicks
        self.cost += fact.cost * (100 + per_cent)
        if fact.campaign.counter:
            self.goals = (self.goals or 0) + fact.goals

    def cell(self, metric: str) -> Cell:
        if metric == "Ctr":
            return f"{_rounded(self.clicks * 10_000, self.shows) / 100:.2f}" if self.shows else MISSING
        if metric == "AvgCpc":
            return Money(_rounded(self.cost, self.clicks * SCALE * 100)) if self.clicks else MISSING
        if metric in ("Conversions", "Revenue", "Sessions", "Bounces") and self.goals is None:
            return MISSING
        goals = self.goals or 0
        cells: dict[str, Cell] = {
            "Impressions": self.shows,
            "Clicks": self.clicks,
            "Cost": Money(_rounded(self.cost, SCALE * 100)),
            "Conversions": goals,
            "Revenue": Money(goals * _REVENUE_OF_A_GOAL),
            "Sessions": self.clicks * 9 // 10,
            "Bounces": self.clicks // 5,
        }
        return cells[metric]


def _rounded(number: int, by: int) -> int:
    return int((Decimal(number) / by).to_integral_value(ROUND_HALF_UP))


def report(account: DirectAccount, spec: ReportSpec, row_limit: int, *, wizards_in_ad_reports: bool) -> Table:
    """The report as of now; ``row_limit`` is what it is cut to without a limit of its own, in silence."""
    corrected = min((day for _, _, day in account.corrections), default=None)
    first, last = spec.period(corrected)
    counted = [
        fact
        for fact in facts(account, first, last)
        if wizards_in_ad_reports or spec.type != "AD_PERFORMANCE_REPORT" or not fact.campaign.wizard
    ]
    for one in spec.filters:
        if one.field in DIMENSIONS:
            counted = [fact for fact in counted if _suits(one, DIMENSIONS[one.field](account, fact))]
    rows = _grouped(account, spec, counted)
    for field, descending in reversed(spec.order):
        place = spec.fields.index(field)
        rows.sort(key=lambda row: _sortable(row[place]), reverse=descending)
    rows = rows[spec.offset : spec.offset + (spec.limit or row_limit)]
    return Table(spec.name, first, last, _columns(spec), tuple(_with_goals(spec, row) for row in rows))


def _grouped(account: DirectAccount, spec: ReportSpec, counted: Iterable[Fact]) -> list[tuple[Cell, ...]]:
    asked = [name for name in spec.fields if name in DIMENSIONS]
    told = [name for name in asked if name in ATTRIBUTES[spec.type]]
    split = [*IMPLIED[spec.type], *(name for name in asked if name not in told)]
    texts: dict[tuple[str, ...], dict[str, str]] = {}
    sums: dict[tuple[str, ...], _Sum] = {}
    for fact in counted:
        key = tuple(DIMENSIONS[name](account, fact) for name in split)
        if key not in sums:
            sums[key] = _Sum()
            texts[key] = dict(zip(split, key, strict=True)) | {name: DIMENSIONS[name](account, fact) for name in told}
            if "CampaignName" in told:
                texts[key]["CampaignName"] = fact.campaign.name  # an attribute is what it is now
        sums[key].add(fact, rate(account.currency, fact.day) if spec.with_vat else 0)
    on_metrics = [one for one in spec.filters if one.field in METRICS]
    return [
        tuple(texts[key][name] if name in DIMENSIONS else found.cell(name) for name in spec.fields)
        for key, found in sums.items()
        if all(_suits(one, _filtered(found.cell(one.field))) for one in on_metrics)
    ]


def _filtered(cell: Cell) -> str:
    return str(cell.kopecks * _MICROS if isinstance(cell, Money) else cell)


def _suits(one: Filter, value: str) -> bool:
    texts = [text.lower() for text in one.values]
    match one.operator:
        case "EQUALS" | "IN":
            return value in one.values
        case "NOT_EQUALS" | "NOT_IN":
            return value not in one.values
        case "LESS_THAN" | "GREATER_THAN":
            if not value.isdecimal():
                return False
            return (int(value) < int(texts[0])) if one.operator == "LESS_THAN" else (int(value) > int(texts[0]))
        case "STARTS_WITH_IGNORE_CASE" | "STARTS_WITH_ANY_IGNORE_CASE":
            return value.lower().startswith(tuple(texts))
        case _:
            return not value.lower().startswith(tuple(texts))


def _sortable(cell: Cell) -> tuple[int, float, str]:
    if isinstance(cell, str):
        return (0, int(cell), "") if cell.isdecimal() else (1, 0, cell)
    return 0, cell.kopecks if isinstance(cell, Money) else cell, ""


def _pairs(spec: ReportSpec) -> list[str]:
    return [f"{goal}_{model}" for goal in spec.goals for model in spec.models]


def _columns(spec: ReportSpec) -> tuple[str, ...]:
    """With goals, figures of conversions are a column for each goal and model."""
    pairs = _pairs(spec)
    found: list[str] = []
    for name in spec.fields:
        found += [f"{name}_{pair}" for pair in pairs] if pairs and name in ("Conversions", "Revenue") else [name]
    return tuple(found)


def _with_goals(spec: ReportSpec, row: Sequence[Cell]) -> tuple[Cell, ...]:
    pairs = _pairs(spec)
    found: list[Cell] = []
    for name, cell in zip(spec.fields, row, strict=True):
        found += [cell] * len(pairs) if pairs and name in ("Conversions", "Revenue") else [cell]
    return tuple(found)
