"""The cities of every season and the spellings under which events and hand-written UTM mention them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class City:
    """One city.

    ``spellings`` are the forms of ``event.city.name``; ``utm_spellings`` are the forms found in hand-written
    ``utm_content=<city>_<dd>_<mm>``; ``demand`` is its share of the audience, any unit.
    """

    id: int
    key: str
    timezone: str
    demand: float
    venues: tuple[str, ...]
    address: str
    spellings: tuple[str, ...]
    utm_spellings: tuple[str, ...]


CITIES: tuple[City, ...] = (
    City(
        1,
        "москва",
        "Europe/Moscow",
        3.0,
        ("ДК Северный", "Зал «Маяк»"),
        "Садовая ул., 1",
        ("Москва", "МОСКВА", "Москва "),
        ("moskva", "Москва", "msk"),
    ),
    City(
        2,
        "санкт-петербург",
        "Europe/Moscow",
        2.2,
        ("Клуб «Причал»", "ДК Невский"),
        "Невский пр., 2",
        ("Санкт-Петербург", "санкт-петербург", " Санкт-Петербург"),
        ("spb", "санкт-петербург", "sankt-peterburg"),
    ),
    City(
        3,
        "томск",
        "Asia/Tomsk",
        0.9,
        ("Театр на Томи",),
        "пр. Ленина, 3",
        ("Томск", "томск"),
        ("tomsk", "томск", "Томск"),
    ),
    City(
        4,
        "казань",
        "Europe/Moscow",
        1.3,
        ("Зал «Кремлёвский»",),
        "ул. Баумана, 4",
        ("Казань", "КАЗАНЬ"),
        ("kazan", "Казань"),
    ),
    City(
        5,
        "орел",
        "Europe/Moscow",
        0.5,
        ("Дом офицеров",),
        "ул. Ленина, 5",
        ("Орёл", "Орел", "ОРЁЛ"),
        ("orel", "Орёл", "орел"),
    ),
    City(
        6,
        "нижний новгород",
        "Europe/Moscow",
        1.1,
        ("Ярмарка", "Зал «Стрелка»"),
        "Рождественская ул., 6",
        ("Нижний Новгород", "нижний новгород"),
        ("нижний_новгород", "Нижний Новгород", "nizhniy_novgorod"),
    ),
    City(
        7,
        "ростов-на-дону",
        "Europe/Moscow",
        1.0,
        ("ДК Ростовский",),
        "Большая Садовая ул., 7",
        ("Ростов-на-Дону", "Ростов-На-Дону"),
        ("rostov-na-donu", "ростов-на-дону"),
    ),
    City(
        8,
        "екатеринбург",
        "Asia/Yekaterinburg",
        1.4,
        ("Дом кино", "Зал «Урал»"),
        "ул. Малышева, 8",
        ("Екатеринбург", "ЕКАТЕРИНБУРГ"),
        ("ekaterinburg", "Екатеринбург", "ekb"),
    ),
)
CITY_BY_KEY = {city.key: city for city in CITIES}


def city_key(raw: str) -> str:
    """The BI key of a city: lower case, ``ё`` as ``е``, outer blanks off, inner blanks and hyphens kept."""
    return raw.strip().lower().replace("ё", "е")


# Spellings that differ from the key itself; what zakaz.dim_city_alias must know for a season to be attributed.
CITY_ALIASES: dict[str, str] = {
    city_key(spelling): city.key for city in CITIES for spelling in city.utm_spellings if city_key(spelling) != city.key
}


def resolve_utm_city(raw: str) -> str | None:
    """City key of the ``<city>`` part of a hand-written UTM, or None when no city of a season is meant."""
    key = CITY_ALIASES.get(city_key(raw), city_key(raw))
    return key if key in CITY_BY_KEY else None
