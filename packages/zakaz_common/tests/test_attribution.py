"""Where a rouble of spend goes: marks, ids, aliases, and the honest 'unattributed'."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zakaz_common.attribution.rules import (
    Attribution,
    CityBook,
    Event,
    attribute,
    mark_date,
    parse_city_date,
    public_url,
)
from zakaz_common.city import CityDirectory
from zakaz_common.utm import Utm

ALIASES = {
    "tomsk": "томск",
    "томск": "томск",
    "oryol": "орёл",
    "nizhniy novgorod": "нижний новгород",
    "нижний новгород": "нижний новгород",
    "rostov-na-donu": "ростов-на-дону",
    "ростов-на-дону": "ростов-на-дону",
    "spb": "санкт-петербург",
}
EVENTS = {
    33001: Event("омск", (date(2026, 10, 5), date(2026, 11, 20))),
    33002: Event(""),
    33003: Event("пермь"),
}
ORDERS = {
    502: {"vk": {33001: 3, 33003: 5}},
    503: {"": {33002: 9}},
    504: {"vk": {33003: 9}, "yandex": {33001: 2}, "": {33001: 4, 33003: 1}},
}
BOOK = CityBook(CityDirectory(ALIASES), EVENTS, ORDERS)
TODAY = date(2026, 11, 1)


def attributed(
    content: str = "",
    *,
    url: str = "",
    names: tuple[str, ...] = (),
    ad: int = 501,
    created: date | None = None,
    source: str = "",
) -> Attribution:
    return attribute(
        utm=Utm(source=source, content=content),
        url=url,
        names=names,
        ad_id=ad,
        book=BOOK,
        created=created,
        today=TODAY,
    )


@pytest.mark.parametrize(
    ("content", "city", "day"),
    [
        ("tomsk_05_10", "томск", date(2026, 10, 5)),
        ("ТОМСК_5_1", "томск", date(2027, 1, 5)),
        ("орёл_31_12", "орел", date(2026, 12, 31)),
        ("Орел_31_12", "орел", date(2026, 12, 31)),
        ("oryol_31_12", "орел", date(2026, 12, 31)),
        ("нижний новгород_01_11", "нижний новгород", date(2026, 11, 1)),
        ("nizhniy_novgorod_01_11", "нижний новгород", date(2026, 11, 1)),
        ("ростов_на_дону_01_11", "ростов-на-дону", date(2026, 11, 1)),
        ("rostov-na-donu_01_11", "ростов-на-дону", date(2026, 11, 1)),
        ("spb_29_02", "санкт-петербург", None),
        ("омск_20_11", "омск", date(2026, 11, 20)),  # no alias, but an event is there
        # look-alikes, dashes and blanks that no eye tells apart
        ("tомск_05_10", "томск", date(2026, 10, 5)),
        ("oмск_20_11", "омск", date(2026, 11, 20)),
        ("ростов\u2011на\u2011дону_01_11", "ростов-на-дону", date(2026, 11, 1)),
        ("нижний\u00a0новгород \u2014 01\u201311", "нижний новгород", date(2026, 11, 1)),
    ],
)
def test_hand_written_mark_finds_its_city(content: str, city: str, day: date | None) -> None:
    assert attributed(content) == Attribution("city_date", city, day)


@pytest.mark.parametrize("content", ["", "ad_red", "tomsk", "tomsk_40_10", "tomsk_10_13", "_05_10", "502"])
def test_anything_else_is_unattributed(content: str) -> None:
    assert attributed(content) == Attribution()


def test_unknown_city_is_unattributed_and_named_for_the_operator() -> None:
    assert attributed("tomks_05_10") == Attribution(unresolved="tomks")


def test_an_ads_own_id_takes_the_city_of_the_event_its_link_opens() -> None:
    found = attributed("501", url="https://qtickets.events/33001-koncert", names=("томск_01_01",))
    assert found == Attribution("ad_id", "омск", date(2026, 11, 20))


def test_an_ads_own_id_takes_the_city_of_the_event_whose_orders_carry_the_ad() -> None:
    url = "https://qtickets.events/33001-koncert?utm_content=tomsk_05_10"
    assert attributed("502", ad=502, url=url) == Attribution("ad_id", "пермь", None)


@pytest.mark.parametrize(("source", "city"), [("yandex", "омск"), ("vk", "пермь"), ("", "пермь")])
def test_a_number_that_two_sources_gave_is_told_by_the_orders_of_the_ads_own(source: str, city: str) -> None:
    assert attributed("504", ad=504, source=source).city == city


def test_orders_of_another_source_alone_tell_nothing_of_an_ad() -> None:
    assert attributed("504", ad=504, source="telegram", names=("tomsk_05_10",)).city == "томск"


def test_orders_of_an_event_without_a_city_do_not_count() -> None:
    assert attributed("503", ad=503, names=("tomsk_05_10",)).city == "томск"


def test_a_mark_left_in_the_link_counts_beside_the_ads_own_id() -> None:
    found = attributed("501", url="https://e.test/?utm_content=%D0%A2%D0%BE%D0%BC%D1%81%D0%BA_05_10")
    assert found == Attribution("ad_id", "томск", date(2026, 10, 5))


@pytest.mark.parametrize("url", ["", "https://example.test/99999-gone", "https://example.test/33002", "http://[bad"])
def test_an_ads_own_id_without_a_known_event_takes_the_nearest_dated_name(url: str) -> None:
    found = attributed("501", url=url, names=("видео 2", "tomsk_05_10", "spb_01_01"))
    assert found == Attribution("ad_id", "томск", date(2026, 10, 5))


def test_an_ads_own_id_with_nothing_to_go_by_is_unattributed() -> None:
    assert attributed("501", names=("видео 2", "", "осень")) == Attribution()


def test_stored_link_keeps_no_query_and_no_credentials() -> None:
    assert public_url("https://u:secret@e.test/a?token=x&utm_content=1#f") == "https://e.test/a"
    assert public_url("http://[bad") == ""
    assert public_url("https://e.test/a\u202e\x00b") == "https://e.test/a\ufffd\ufffdb"


@given(
    city=st.sampled_from(["томск", "нижний новгород", "ростов-на-дону", "spb"]),
    day=st.dates(),
    glue=st.sampled_from("_ "),
)
def test_every_city_and_day_survives_the_round_trip(city: str, day: date, glue: str) -> None:
    mark = parse_city_date(f"{city.replace(' ', glue)}{glue}{day.day:02}_{day.month:02}")
    assert mark
    assert (BOOK.resolve(mark.city_raw), mark.day, mark.month) == (BOOK.resolve(city), day.day, day.month)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    parse_city_date(text)
    attributed(text, url=text, names=(text,))
    public_url(text)


DATES = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(DATES, DATES)
def test_a_mark_without_a_year_is_read_within_half_a_year(day: date, today: date) -> None:
    found = mark_date(day.day, day.month, created=None, today=today)
    if found is None:
        assert (day.day, day.month) == (29, 2)
    elif (day.day, day.month) != (29, 2):
        assert abs((found - today).days) <= 183


@given(DATES, DATES)
def test_a_mark_is_read_as_the_first_such_day_since_the_ad_was_made(created: date, today: date) -> None:
    found = mark_date(4, 3, created=created, today=today)
    assert found
    assert -7 <= (found - created).days <= 366
