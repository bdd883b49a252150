"""VK cabinets of a season: plans, groups, banners, their UTM and their days.

UTM marking comes in the forms an account really holds:

``automatic``  the group appends ``utm_content={{banner_id}}``; most such banners also carry a hand-written
               UTM in their link, left from before the marking was switched on;
``group``      the group appends a hand-written ``utm_content=<city>_<dd>_<mm>``;
``link``       the banner's link carries it, the group appends nothing;
``brand``      nothing says which city it was spent for: unattributable.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from random import Random
from urllib.parse import parse_qs, quote, quote_plus, urlencode

from api_sandbox.moscow_time import DAY, day_start
from api_sandbox.records import Account, AdGroup, AdPlan, Banner, DayStat, Event
from api_sandbox.schedule import demand_curve, weekday_factor

AUTOMATIC_UTM = "utm_source=vk_ads&utm_medium=cpc&utm_campaign={{campaign_id}}&utm_content={{banner_id}}"
_AUDIENCES = ("18–24", "25–34", "35–44", "похожие на покупателей", "были на сайте", "родители")
_FORMS = ("видео", "афиша", "карусель", "цитата", "отзыв")
_BRAND_UTM = ("", "utm_source=vk&utm_medium=cpc&utm_content=retarget", AUTOMATIC_UTM)
_TEASER_DAYS = 2
_PAUSED_SHARE = 0.08
_DRY_DAYS = 4


def hand_written_utm(event: Event, spelling: str, show_date: date) -> dict[str, str]:
    """The UTM of a careful marketer: ``utm_content=<city>_<dd>_<mm>``."""
    return {
        "utm_source": "vk",
        "utm_medium": "cpc",
        "utm_campaign": f"event_{event.id}",
        "utm_content": f"{spelling}_{show_date:%d_%m}",
    }


def parse_utm(text: str) -> dict[str, list[str]]:
    """The fields of a query; percent codes that are no UTF-8 are CP1251, as old Russian tools write them."""
    try:
        return parse_qs(text, errors="strict")
    except UnicodeDecodeError:
        return parse_qs(text, encoding="cp1251")


def build_accounts(
    seed: int,
    events: Iterable[Event],
    first_day: date,
    season_days: int,
    *,
    accounts: int,
    banners: int,
    orders_only_share: float,
) -> list[Account]:
    """Cabinets with plans, groups and banners; days are filled in afterwards by :func:`spend`.

    ``orders_only_share`` (0…1) is the part of automatic groups whose banners have no hand-written UTM at all:
    their city is known only from the orders that carry the banner's id.
    """
    random = Random(f"{seed}:advertising")
    cabinets = [Account(f"kabinet-{n + 1}", 10_001 + 37 * n) for n in range(accounts)]
    ids = _Ids(random)
    advertised = [event for event in events if event.appeal > 0 and event.sale_day < season_days]
    plans: list[tuple[Account, AdPlan, Event | None]] = []
    for number, shown in enumerate(advertised):
        cabinet = cabinets[number % accounts]
        plan = ids.plan(
            cabinet,
            f"{shown.city_raw.strip()} · {shown.name}",
            shown,
            max(day_start(first_day), day_start(first_day) + (shown.sale_day - 4) * DAY),
        )
        plans.append((cabinet, plan, shown))
    plans += [
        (cabinet, ids.plan(cabinet, "Бренд и ретаргетинг", None, day_start(first_day)), None) for cabinet in cabinets
    ]
    per_plan = [banners // len(plans)] * len(plans)
    for number in range(banners - sum(per_plan)):
        per_plan[number] += 1
    for (cabinet, plan, event), wanted in zip(plans, per_plan, strict=True):
        left, group_number = wanted, 0
        while left > 0:
            size = min(left, random.randint(1, 3) if banners <= 200 else random.randint(3, 12))
            left -= size
            _group(random, ids, cabinet, plan, event, first_day, group_number, size, orders_only_share)
            group_number += 1
    return cabinets


class _Ids:
    """Hands out ids the way a shared cabinet does: rising, with gaps, unique over all kinds of object."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.last = 17_000_000

    def next(self) -> int:
        self.last += self.random.randint(1, 40)
        return self.last

    def plan(self, cabinet: Account, name: str, event: Event | None, created: int) -> AdPlan:
        plan = AdPlan(self.next(), cabinet.name, name, "active", event.id if event else None, created, created)
        cabinet.plans[plan.id] = plan
        return plan


def _group(
    random: Random,
    ids: _Ids,
    cabinet: Account,
    plan: AdPlan,
    event: Event | None,
    first_day: date,
    number: int,
    size: int,
    orders_only_share: float,
) -> None:
    status = random.choices(("active", "blocked", "deleted"), (8, 3, 1))[0]
    group = AdGroup(
        ids.next(),
        plan.id,
        _AUDIENCES[number % len(_AUDIENCES)],
        status,
        True,
        "",
        plan.created_at,
        plan.created_at,
    )
    link_utm = ""
    if event is None:
        group.utm = _BRAND_UTM[number % len(_BRAND_UTM)]
        group.enable_utm = bool(group.utm)
    else:
        show_date = first_day + timedelta(days=event.show_day)
        spelling = event.city.utm_spellings[number % len(event.city.utm_spellings)]
        written = hand_written_utm(event, spelling, show_date)
        form = ("automatic", "group", "automatic", "link")[(number + event.id) % 4]
        if form == "group":
            # The cabinet's text field keeps what was typed, unescaped.
            group.utm = "&".join(f"{key}={value}" for key, value in written.items())
        else:
            group.enable_utm = form == "automatic"
            group.utm = AUTOMATIC_UTM if group.enable_utm else ""
            if form == "link" or random.random() >= orders_only_share:
                link_utm = urlencode(written, quote_via=random.choice((quote, quote_plus)))
    cabinet.groups[group.id] = group
    for form_number in range(size):
        landing = f"https://afisha.example.com/event/{event.id}" if event else "https://afisha.example.com/"
        banner = Banner(
            ids.next(),
            group.id,
            f"{_FORMS[form_number % len(_FORMS)]} {form_number + 1}",
            status if status != "active" else random.choices(("active", "blocked"), (5, 1))[0],
            landing + ("?" + link_utm if link_utm else ""),
            plan.created_at,
            plan.created_at,
        )
        cabinet.banners[banner.id] = banner


def spend(
    seed: int,
    cabinets: Iterable[Account],
    events: dict[int, Event],
    first_day: date,
    season_days: int,
    budget: int,
) -> None:
    """Fill the days of every banner so that the whole season spends about ``budget`` kopecks, net of VAT.

    Days inside a flight on which a banner was paused are kept as explicit zeros for banners with an odd id
    and left out for even ones: the live API may do either.
    """
    random = Random(f"{seed}:spend")
    weights: list[tuple[Banner, date, float]] = []
    # The budget of each plan runs dry once for some days in mid-flight: days with sales and no spend.
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
