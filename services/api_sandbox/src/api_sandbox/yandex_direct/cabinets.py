"""Direct cabinets of a season: campaigns, groups, ads, and the marks of their links.

A click arrives with the parameters of the ad's ``Href``, over which goes one block of tracking parameters: the group's,
else the campaign's. The forms of marks an account really holds:

``automatic``  a block says ``utm_content={ad_id}`` (or ``{banner_id}``, which is the same); most such links also carry
               a hand-written mark of their own, which the block hides;
``group``      the group's block is hand-written, over a campaign's automatic one and over a link that was copied from
               another event;
``link``       no block; the link carries the mark;
none           brand campaigns, and those of the Wizard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import cast
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit

from api_sandbox.season.generator import Advertise, Season
from api_sandbox.season.moscow_time import DAY, day_start, today
from api_sandbox.season.records import Account, AdGroup, AdPlan, Banner, DayStat, Event
from api_sandbox.yandex_direct.macros import resolved
from api_sandbox.yandex_direct.settings import YandexDirectSettings

_AUTOMATIC = "utm_source=yandex&utm_medium=cpc&utm_campaign={campaign_id}&utm_content={ad_id}&utm_term={keyword}"
_AUTOMATIC_OF_GROUP = (
    "utm_source=yandex&utm_medium={source_type}&utm_campaign={campaign_name_lat}&utm_content={banner_id}"
)
_AUDIENCES = ("Поиск: название", 'Автотаргетинг "широкий"', "Ретаргетинг", "Похожие — Ёлка 🎄", "Конкуренты")
_TITLES = ("Билеты от организатора", "Скоро в вашем городе", "Последние места", 'Шоу "для всей семьи"')


@dataclass(slots=True)
class Campaign(AdPlan):
    """A campaign; ``tracking`` is its block of parameters, ``counter`` tells that its conversions are known.

    A campaign of the ``wizard`` has spend and nothing that the API lists. Until the middle of ``renamed_on`` reports
    call it by its ``former_name``.
    """

    type: str = "UNIFIED_CAMPAIGN"
    tracking: str = ""
    counter: bool = True
    wizard: bool = False
    former_name: str = ""
    renamed_on: date | None = None

    @property
    def without_ads(self) -> bool:
        """Whether its ads are there for their days only: reports tell at most its groups, and no API lists them."""
        return self.wizard or self.type == "SMART_CAMPAIGN"


@dataclass(slots=True)
class Ad(Banner):
    """An ad; its ``name`` is its title, which reports do not have.

    ``url`` is '' for one without a link: a text ad whose ``Href`` is null, or a dynamic one, which has no such field.
    """

    type: str = "TEXT_AD"


@dataclass(slots=True)
class DirectAccount(Account):
    """A cabinet; its name is its login.

    ``corrections`` are (moment, campaign, day) of statistics that changed afterwards, ``changes`` the last moment at
    which a campaign or what it holds was changed.
    """

    vendor: str = "yandex_direct"
    today_share: float = 1.0
    corrections: list[tuple[int, int, date]] = field(default_factory=list)

    @property
    def campaigns(self) -> dict[int, Campaign]:
        """Its plans as what they are here."""
        return cast("dict[int, Campaign]", self.plans)

    @property
    def ads(self) -> dict[int, Ad]:
        """Its banners as what they are here, those behind campaigns of the Wizard too."""
        return cast("dict[int, Ad]", self.banners)

    def campaign_of(self, ad: Banner) -> Campaign:
        """The campaign of an ad."""
        return self.campaigns[self.groups[ad.group_id].plan_id]

    def arrival(self, banner: Banner) -> str:
        """The block of the group, else of the campaign, over the link's own parameters; macros are resolved."""
        query = urlsplit(banner.url).query
        group, campaign = self.groups[banner.group_id], self.campaign_of(banner)
        block = parse_qsl(group.utm or campaign.tracking, keep_blank_values=True)
        if not block and "{" not in query:
            return query
        hidden = {name for name, _ in block}
        own = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in hidden]
        return urlencode([(name, resolved(text, campaign, group, banner)) for name, text in own + block])

    def marks(self, banner: Banner) -> tuple[str, ...]:
        """What a visitor's address says, then the link: a mark under an automatic one still tells the city."""
        return self.arrival(banner), urlsplit(banner.url).query

    def settle(self) -> None:
        """Today is partial, nothing is later than today, and one click came after the midnight of its impression."""
        now = today()
        for ad in self.banners.values():
            ad.days = {day: stat for day, stat in ad.days.items() if day <= now}
            if now in ad.days:
                ad.days[now] = _part(ad.days[now], self.today_share)
        clicked = [(ad, day) for ad in self.banners.values() for day, stat in ad.days.items() if stat.clicks > 1]
        if clicked:
            ad, day = clicked[len(clicked) // 2]
            ad.days[day].shows = 1


def _part(stat: DayStat, share: float) -> DayStat:
    return DayStat(*(int(number * share) for number in (stat.shows, stat.clicks, stat.goals, stat.spent)))


def advertise(settings: YandexDirectSettings) -> Advertise:
    """What adds the cabinets that the settings ask for to a season. Raises ValueError."""
    accounts, ads, wizards = settings.yandex_direct_accounts, settings.yandex_direct_ads, settings.yandex_direct_wizards
    currencies = [code.strip() for code in settings.yandex_direct_currencies.split(",")]
    smart = settings.yandex_direct_smart
    if min(accounts, ads, wizards, smart) < 0:
        raise ValueError(
            "expected yandex_direct_accounts, _ads, _wizards and _smart >= 0; found "
            f"yandex_direct_accounts={accounts}, yandex_direct_ads={ads}, yandex_direct_wizards={wizards}, "
            f"yandex_direct_smart={smart}"
        )
    if not all(len(code) == 3 and code.isalpha() and code.isupper() for code in currencies):
        raise ValueError(f"yandex_direct_currencies: expected codes like RUB or USD, found {','.join(currencies)!r}")

    def cabinets(season: Season) -> Sequence[DirectAccount]:
        built = _Builder(season, settings).build() if accounts else []
        for number, account in enumerate(built):
            account.currency = currencies[min(number, len(currencies) - 1)]
        return built

    return cabinets


class _Ids:
    """Hands out ids as Direct does: each kind in a range of its own, ads also beyond what a double holds exactly."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.campaign = 700_000_000
        self.group = 5_400_000_000
        self.ad = 16_000_000_000
        self.ads = 0

    def next_campaign(self) -> int:
        self.campaign += self.random.randint(1, 900)
        return self.campaign

    def next_group(self) -> int:
        self.group += self.random.randint(1, 900)
        return self.group

    def next_ad(self) -> int:
        self.ad += self.random.randint(1, 900)
        self.ads += 1
        return self.ad + 72_057_594_000_000_000 * (self.ads % 4 == 0)


class _Builder:
    def __init__(self, season: Season, settings: YandexDirectSettings) -> None:
        self.season = season
        self.settings = settings
        self.random = Random(f"{season.seed}:direct")
        self.ids = _Ids(self.random)
        self.begin = day_start(season.first_day)

    def build(self) -> list[DirectAccount]:
        """Cabinets with campaigns, groups and ads, without days."""
        settings, season = self.settings, self.season
        accounts = [
            DirectAccount(f"direct-{n + 1}", 80_001 + 13 * n, today_share=settings.yandex_direct_today_share)
            for n in range(settings.yandex_direct_accounts)
        ]
        advertised = [e for e in season.events.values() if e.appeal > 0 and e.sale_day < season.season_days]
        places: list[tuple[DirectAccount, Campaign, Event | None]] = []
        for turn, event in enumerate(advertised):
            number, account = turn // len(accounts), accounts[turn % len(accounts)]
            created = max(self.begin, self.begin + (event.sale_day - 4) * DAY)
            campaign = self._campaign(account, f"{event.city_raw.strip()} · {event.name}", event.id, created)
            campaign.type = "TEXT_CAMPAIGN" if number % 4 == 1 else "UNIFIED_CAMPAIGN"
            if number % 8 == 4:
                campaign.type = "DYNAMIC_TEXT_CAMPAIGN"
            campaign.tracking = "" if number % 3 == 2 else _AUTOMATIC
            campaign.counter = number % 4 != 3
            places.append((account, campaign, event))
        for account in accounts:
            brand = self._campaign(account, "Бренд «Афиша» 🎟", None, self.begin)
            # No list of types is whole: the vendor adds one when it pleases.
            brand.type = "NEW_KIND_CAMPAIGN"
            brand.tracking = "utm_source=yandex&utm_medium=cpc&utm_content=retarget"
            places.append((account, brand, None))
        for account in accounts:
            self._histories([(event.last_day, one) for owner, one, event in places if event and owner is account])
        wanted = [settings.yandex_direct_ads // len(places)] * len(places)
        for number in range(settings.yandex_direct_ads - sum(wanted)):
            wanted[number] += 1
        for (account, campaign, shown), left in zip(places, wanted, strict=True):
            for group_number in range(-(-left // 2)):
                group = self._group(account, campaign, shown, group_number)
                for number in range(min(2, left - 2 * group_number)):
                    self._ad(account, campaign, group, shown, 2 * group_number + number)
        for account in accounts:
            for number in range(settings.yandex_direct_wizards):
                self._wizard(account, number)
            for number in range(settings.yandex_direct_smart):
                self._smart(account, number)
        return accounts

    def _campaign(self, account: DirectAccount, name: str, event_id: int | None, created: int) -> Campaign:
        campaign = Campaign(self.ids.next_campaign(), account.name, name, "ON", event_id, created, created)
        account.plans[campaign.id] = campaign
        return campaign

    def _histories(self, flights: list[tuple[int, Campaign]]) -> None:
        """The campaign of a cabinet that ended first was archived; the last one to end was renamed in mid-period."""
        if len(flights) > 1:
            min(flights, key=lambda flight: flight[0])[1].status = "ARCHIVED"
            renamed = max(flights, key=lambda flight: flight[0])[1]
            renamed.former_name, renamed.name = renamed.name, f'{renamed.name} "ещё билеты"'
            renamed.renamed_on = self.season.first_day + timedelta(days=self.season.season_days * 2 // 3)

    def _group(self, account: DirectAccount, campaign: Campaign, event: Event | None, number: int) -> AdGroup:
        block = ""
        if event and not campaign.tracking:
            block = _AUTOMATIC_OF_GROUP if number % 2 else ""
        elif event and number % 2:
            block = "&".join(f"{key}={value}" for key, value in self._written(event, number).items())
        name = _AUDIENCES[(number + campaign.id) % len(_AUDIENCES)]
        if self.settings.yandex_direct_tab_in_names and not account.groups:
            name = name.replace(" ", "\t", 1)
        group = AdGroup(
            self.ids.next_group(),
            campaign.id,
            name,
            "ACCEPTED",
            bool(block),
            block,
            campaign.created_at,
            campaign.created_at,
        )
        account.groups[group.id] = group
        return group

    def _written(self, event: Event, number: int) -> dict[str, str]:
        """The marks of a careful marketer: ``utm_content=<city>_<dd>_<mm>``."""
        show_date = self.season.first_day + timedelta(days=event.show_day)
        spelling = event.city.utm_spellings[number % len(event.city.utm_spellings)]
        return {
            "utm_source": "yandex",
            "utm_medium": "cpc",
            "utm_campaign": f"event_{event.id}",
            "utm_content": f"{spelling}_{show_date:%d_%m}",
        }

    def _ad(self, account: DirectAccount, campaign: Campaign, group: AdGroup, event: Event | None, number: int) -> None:
        link = f"https://afisha.example.com/event/{event.id}" if event else "https://afisha.example.com/"
        marked = event
        if event and group.utm and campaign.tracking:
            others = [one for one in self.season.events.values() if one.appeal > 0 and one.city is not event.city]
            marked = self.random.choice(others) if others else event
        if marked and (not (group.utm or campaign.tracking) or self.random.random() >= self._orders_only()):
            link += "?" + self._query(self._written(marked, number))
        status = "ARCHIVED" if campaign.status == "ARCHIVED" else self.random.choices(("ON", "SUSPENDED"), (6, 1))[0]
        kind = "RESPONSIVE_AD" if campaign.type == "UNIFIED_CAMPAIGN" and number % 2 == 1 else "TEXT_AD"
        if campaign.type == "DYNAMIC_TEXT_CAMPAIGN":
            kind = "DYNAMIC_TEXT_AD"
        if kind == "DYNAMIC_TEXT_AD" or (campaign.type == "TEXT_CAMPAIGN" and campaign.tracking and number == 0):
            link = ""
        title = "" if kind == "DYNAMIC_TEXT_AD" else _TITLES[number % len(_TITLES)]  # Direct makes one for each phrase
        ad = Ad(self.ids.next_ad(), group.id, title, status, link, group.created_at, group.created_at, type=kind)
        account.banners[ad.id] = ad

    def _orders_only(self) -> float:
        return self.settings.yandex_direct_orders_only_share

    def _query(self, written: dict[str, str]) -> str:
        """As it was typed: with ``%20`` or ``+`` for a blank, or in Cyrillic letters that nobody encoded."""
        form = self.random.choice((quote, quote_plus, None))
        if form is None:
            return "&".join(f"{key}={value}" for key, value in written.items()).replace(" ", "%20")
        return urlencode(written, quote_via=form)

    def _smart(self, account: DirectAccount, number: int) -> None:
        """A smart campaign: reports tell its group and no ad."""
        campaign = self._campaign(account, f"Смарт-баннеры {number + 1}", None, self.begin)
        campaign.type, campaign.tracking = "SMART_CAMPAIGN", "utm_source=yandex&utm_medium=cpc&utm_content=smart"
        group = self._group(account, campaign, None, number)
        ad = Ad(self.ids.next_ad(), group.id, "", "ON", "", self.begin, self.begin, type="SMART_AD")
        account.banners[ad.id] = ad

    def _wizard(self, account: DirectAccount, number: int) -> None:
        """A campaign of the Wizard: its group and its ad are there for the days only, no API tells of them."""
        campaign = self._campaign(account, f"Мастер кампаний {number + 1}", None, self.begin)
        campaign.wizard, campaign.counter = True, False
        group = self._group(account, campaign, None, number)
        ad = Ad(self.ids.next_ad(), group.id, "", "ON", "https://afisha.example.com/", self.begin, self.begin)
        account.banners[ad.id] = ad
