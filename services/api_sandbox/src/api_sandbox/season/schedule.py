"""Events and shows of a season: what is played, where, when, and how strongly it draws."""

from __future__ import annotations

from random import Random

from api_sandbox.season.cities import CITIES
from api_sandbox.season.moscow_time import DAY
from api_sandbox.season.records import Event, Show

_PROGRAMMES = (
    "Стендап: новый сезон",
    "Симфония под звёздами",
    "Рок-хиты с оркестром",
    "Сказки ёлочного леса",
    "Джаз на двоих",
    "Импровизация",
    "Органный вечер",
    "Шоу мыльных пузырей",
    "Моноспектакль «Письма»",
    "Кино и музыка",
    "Большой детский концерт",
    "Барды в кругу друзей",
)
# Every city is served by the first ten events; spelling varies from event to event of one city.
_ORDER = (0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 4, 5)
_TIERS = (90_000, 120_000, 150_000, 190_000, 240_000, 320_000)
_HOURS = (12, 17, 19, 20)


def build_events(seed: int, first_second: int, season_days: int, count: int) -> list[Event]:
    """``count`` events spread over the season; some play after its end, so a part of the seats is unsold.

    ``first_second`` is the Moscow midnight at which the season begins.
    """
    random = Random(f"{seed}:schedule")
    events: list[Event] = []
    show_id = 27_000
    for number in range(count):
        city = CITIES[_ORDER[number]] if number < len(_ORDER) else random.choice(CITIES)
        earlier = sum(event.city is city for event in events)
        span = season_days + 40
        # Spread evenly with some jitter, in an order that mixes cities; the last ones lie after the season.
        show_day = 12 + round((span - 12) * ((number * 5 + 4) % count + 0.5) / count) + random.randint(-3, 3)
        show_day = max(4, show_day)
        sale_day = max(0, min(show_day - random.randint(60, 90), season_days - 8))
        if number in (2, 3) and sale_day < 3:
            sale_day = 3  # a city whose advertising begins before its first sale exists in every season
        event_id = 33_500 + number * 7 + random.randint(0, 6)
        created = first_second + (sale_day - 10) * DAY + random.randint(8 * 3600, 20 * 3600)
        event = Event(
            id=event_id,
            name=_PROGRAMMES[number % len(_PROGRAMMES)],
            city=city,
            city_raw=city.spellings[earlier % len(city.spellings)],
            place_name=city.venues[earlier % len(city.venues)],
            is_active=show_day >= season_days,
            created_at=created,
            updated_at=max(created, first_second + sale_day * DAY - 3600),
            sale_day=sale_day,
            show_day=show_day,
            last_day=show_day,
            appeal=city.demand * random.uniform(0.7, 1.4),
            multilingual=number % 13 == 6,
        )
        scale = random.choice((0.8, 1.0, 1.25))
        for extra in range(random.choice((1, 1, 2, 3))):
            show_id += random.randint(1, 9)
            starts = first_second + (show_day + extra) * DAY + random.choice(_HOURS) * 3600
            event.shows.append(
                Show(
                    id=show_id,
                    event_id=event_id,
                    name="" if extra == 0 else f"День {extra + 1}",
                    starts_at=starts,
                    finishes_at=starts + random.choice((5400, 7200, 9000)),
                    sale_starts_at=first_second + sale_day * DAY,
                    tiers=tuple(round(tier * scale / 5000) * 5000 for tier in _TIERS[: random.randint(3, 6)]),
                    admission=random.random() < 0.2,
                    created_at=created,
                    updated_at=event.updated_at,
                )
            )
        event.last_day = show_day + len(event.shows) - 1
        if number % 5 == 1:
            _open_exhibition(event, first_second)
        events.append(event)
    # Recorded answers hold mostly objects; a show nobody priced yet has null, and the document has numbers.
    for number, show in enumerate(show for event in events for show in event.shows):
        show.price_form = {3: "number", 6: "null"}.get(number % 8, "object")
    # The account keeps an event that was called off long ago: the API returns deleted ones too.
    called_off = events[-1] if count > 12 else None
    if called_off is not None:
        called_off.appeal = 0.0
        called_off.deleted_at = called_off.created_at + 5 * DAY
        called_off.updated_at = called_off.deleted_at
        called_off.is_active = False
        called_off.shows[0].deleted_at = called_off.deleted_at
        called_off.without_city = True
    return events


def _open_exhibition(event: Event, first_second: int) -> None:
    """Make it one show that opens some days after its sales began and closes on the day they end."""
    del event.shows[1:]
    show = event.shows[0]
    event.exhibition = True
    event.last_day = event.show_day
    event.show_day = event.sale_day + min(5, (event.last_day - event.sale_day) // 2)
    show.starts_at = first_second + event.show_day * DAY + 10 * 3600
    show.finishes_at = first_second + event.last_day * DAY + 19 * 3600 + 55 * 60


def demand_curve(event: Event, day: int) -> float:
    """How willing the audience is to buy on that day of the season (0 = the day of ``first_second``).

    A rush at the opening of sales, a plateau, and a rise before the show (the close of an exhibition); nothing outside.
    """
    if not event.sale_day <= day <= event.last_day:
        return 0.0
    opening = 2.2 * 0.8 ** (day - event.sale_day)
    closing = 2.6 * 0.9 ** max(0, (event.last_day if event.exhibition else event.show_day) - day)
    return event.appeal * (0.55 + opening + closing)


def weekday_factor(weekday: int) -> float:
    """Sales and ad budgets by weekday, Monday = 0."""
    return (0.9, 0.92, 0.97, 1.0, 1.15, 1.12, 1.05)[weekday]
