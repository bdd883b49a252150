"""Advertising of a season, whoever sells it: what each day of each ad cost, and what its marks say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from random import Random
from urllib.parse import parse_qs

from api_sandbox.season.moscow_time import day_start
from api_sandbox.season.records import Account, Banner, DayStat, Event
from api_sandbox.season.schedule import demand_curve, weekday_factor

_TEASER_DAYS = 2
_PAUSED_SHARE = 0.08
_DRY_DAYS = 4


def parse_utm(text: str) -> dict[str, list[str]]:
    """The fields of a query; percent codes that are no UTF-8 are CP1251, as old Russian tools write them."""
    try:
        return parse_qs(text, errors="strict")
    except UnicodeDecodeError:
        return parse_qs(text, encoding="cp1251")


def spend(
    seed: int,
    cabinets: Iterable[Account],
    events: dict[int, Event],
    first_day: date,
    season_days: int,
    budget: int,
) -> None:
    """Fill the days of every banner so that the cabinets spend about ``budget`` kopecks together, net of VAT.

    Days inside a flight on which a banner was paused are kept as explicit zeros for banners with an odd id
    and left out for even ones: the live API may do either.
    """
    random = Random(f"{seed}:spend")
    weights: list[tuple[Banner, date, float]] = []
    # The budget of each event runs dry once for some days in mid-flight, at every vendor at the same time (the stream
    # is the same for each): days with sales and no spend.
    dry = {event.id: event.sale_day + random.randint(9, 16) for event in events.values()}
    for cabinet in cabinets:
        for banner in cabinet.banners.values():
            plan = cabinet.plans[cabinet.groups[banner.group_id].plan_id]
            event = events[plan.event_id] if plan.event_id is not None else None
            first = max(0, event.sale_day - _TEASER_DAYS) if event else 0
            last = (
                min(season_days - 1, event.last_day if event.exhibition else event.show_day)
                if event
                else season_days - 1
            )
            if event and random.random() < 0.4 and last - first > 20:
                first += random.randint(0, (last - first) // 3)  # added to the plan later
            share = random.uniform(0.4, 1.6) * (1.0 if event else 0.12)
            for day in range(first, last + 1):
                calendar_day = first_day + timedelta(days=day)
                if random.random() < _PAUSED_SHARE or (event and 0 <= day - dry[event.id] < _DRY_DAYS):
                    if banner.id % 2:
                        banner.days[calendar_day] = DayStat(0, 0, 0, 0)
                    continue
                pull = max(demand_curve(event, day), 0.8 * event.appeal) if event else 1.0
                weights.append(
                    (
                        banner,
                        calendar_day,
                        share * pull * weekday_factor(calendar_day.weekday()) * random.uniform(0.75, 1.3),
                    )
                )
    total = sum(weight for _, _, weight in weights)
    for banner, calendar_day, weight in weights:
        banner.days[calendar_day] = day_stat(random, round(budget * weight / total))


def day_stat(random: Random, spent: int) -> DayStat:
    """A plausible day for that money: CPM around 180 roubles, CTR around 1 %."""
    shows = max(1, round(spent / 18_000 * 1000 * random.uniform(0.8, 1.25))) if spent else 0
    clicks = min(shows, round(shows * random.uniform(0.006, 0.016)))
    return DayStat(shows, clicks, round(clicks * random.uniform(0.0, 0.12)), spent)


def last_change(banner: Banner) -> int:
    """Epoch second of the last day the banner was shown, for its ``updated`` field."""
    return max((day_start(day) for day in banner.days), default=banner.created_at)
