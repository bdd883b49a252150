"""VK cabinets of a season: plans, groups, banners and their UTM.

UTM marking comes in the forms an account really holds:

``automatic``  the group appends ``utm_content={{banner_id}}``; most such banners also carry a hand-written
               UTM in their link, left from before the marking was switched on;
``group``      the group appends a hand-written ``utm_content=<city>_<dd>_<mm>``;
``link``       the banner's link carries it, the group appends nothing;
``brand``      nothing says which city it was spent for: unattributable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from urllib.parse import quote, quote_plus, urlencode, urlsplit

from api_sandbox.season.generator import Advertise, Season
from api_sandbox.season.moscow_time import DAY, day_start
from api_sandbox.season.records import Account, AdGroup, AdPlan, Banner, Event
from api_sandbox.vk_ads.settings import VkSettings

# how marketers call it in UTM written by hand; its own marking names its advertising
_NETWORK = "vk"
AUTOMATIC_UTM = f"utm_source={_NETWORK}_ads&utm_medium=cpc" + "&utm_campaign={{campaign_id}}&utm_content={{banner_id}}"
_AUDIENCES = ("18–24", "25–34", "35–44", "похожие на покупателей", "были на сайте", "родители")
_FORMS = ("видео", "афиша", "карусель", "цитата", "отзыв")
_BRAND_UTM = ("", f"utm_source={_NETWORK}&utm_medium=cpc&utm_content=retarget", AUTOMATIC_UTM)


@dataclass(slots=True)
class VkAccount(Account):
    """A cabinet whose groups may append a text to the links of their banners."""

    vendor: str = "vk_ads"

    def arrival(self, banner: Banner) -> str:
        """What the group appends wins over the link."""
        group = self.groups[banner.group_id]
        text = group.utm if group.enable_utm and group.utm else urlsplit(banner.url).query
        return text.replace("{{campaign_id}}", str(group.id)).replace("{{banner_id}}", str(banner.id))

    def marks(self, banner: Banner) -> tuple[str, ...]:
        """The link, then the group: a mark from before the automatic one was switched on still tells the city."""
        group = self.groups[banner.group_id]
        return urlsplit(banner.url).query, group.utm if group.enable_utm else ""


def advertise(settings: VkSettings) -> Advertise:
    """What adds the cabinets that the settings ask for to a season. Raises ValueError."""
    accounts, banners = settings.vk_accounts, settings.vk_banners
    currencies = [code.strip() for code in settings.vk_currencies.split(",")]
    if accounts < 1 or banners < 0:
        raise ValueError(
            f"expected vk_accounts >= 1, vk_banners >= 0; found vk_accounts={accounts}, vk_banners={banners}"
        )
    if not all(len(code) == 3 and code.isalpha() and code.isupper() for code in currencies):
        raise ValueError(f"vk_currencies: expected codes like RUB or USD, found {','.join(currencies)!r}")

    def cabinets(season: Season) -> list[VkAccount]:
        found = build_accounts(
            season.seed,
            season.events.values(),
            season.first_day,
            season.season_days,
            accounts=accounts,
            banners=banners,
            orders_only_share=settings.vk_orders_only_share,
        )
        for number, account in enumerate(found):
            account.currency = currencies[min(number, len(currencies) - 1)]
        return found

    return cabinets


def hand_written_utm(event: Event, spelling: str, show_date: date) -> dict[str, str]:
    """The UTM of a careful marketer: ``utm_content=<city>_<dd>_<mm>``."""
    return {
        "utm_source": _NETWORK,
        "utm_medium": "cpc",
        "utm_campaign": f"event_{event.id}",
        "utm_content": f"{spelling}_{show_date:%d_%m}",
    }


def build_accounts(
    seed: int,
    events: Iterable[Event],
    first_day: date,
    season_days: int,
    *,
    accounts: int,
    banners: int,
    orders_only_share: float,
) -> list[VkAccount]:
    """Cabinets with plans, groups and banners; days are filled in afterwards by :func:`spend`.

    ``orders_only_share`` (0…1) is the part of automatic groups whose banners have no hand-written UTM at all:
    their city is known only from the orders that carry the banner's id.
    """
    random = Random(f"{seed}:advertising")
    cabinets = [VkAccount(f"kabinet-{n + 1}", 10_001 + 37 * n) for n in range(accounts)]
    ids = _Ids(random)
    advertised = [event for event in events if event.appeal > 0 and event.sale_day < season_days]
    plans: list[tuple[VkAccount, AdPlan, Event | None]] = []
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
