"""What a visitor of a banner arrives with: VK's automatic UTM, templates of groups, macros."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from vk_ads.banner_utm import banner_utm
from zakaz_common.attribution.rules import Attribution, CityBook, attribute
from zakaz_common.city import CityDirectory
from zakaz_common.utm import Utm


def test_automatic_utm_is_filled_with_the_banners_ids() -> None:
    utm = banner_utm("https://e.test/1", enable_utm=True, group_utm=None, banner_id=501, group_id=40, plan_id=7)
    assert utm == Utm("vk_ads", "cpc", "40", "501", "")


def test_group_template_is_expanded_and_wins_over_the_links_own_parameters() -> None:
    utm = banner_utm(
        "https://e.test/1?utm_content=tomsk_05_10&utm_term=left",
        enable_utm=True,
        group_utm="utm_source=vk&utm_campaign={{ad_plan_id}}&utm_content={{banner_id}}",
        banner_id=501,
        group_id=40,
        plan_id=7,
    )
    assert utm == Utm("vk", "", "7", "501", "left")


def test_hand_written_text_of_the_group_is_read_as_typed() -> None:
    utm = banner_utm(
        "https://e.test/1",
        enable_utm=True,
        group_utm="utm_source=vk&utm_content=Нижний Новгород_05_10",
        banner_id=501,
        group_id=40,
        plan_id=7,
    )
    book = CityBook(CityDirectory({"нижний новгород": "нижний новгород"}))
    found = attribute(utm=utm, url="", names=(), ad_id=501, book=book, created=None, today=date(2026, 11, 1))
    assert found == Attribution("city_date", "нижний новгород", date(2026, 10, 5))


def test_switched_off_utm_appends_nothing() -> None:
    utm = banner_utm(
        "https://e.test/1", enable_utm=False, group_utm="utm_source=vk", banner_id=1, group_id=2, plan_id=3
    )
    assert utm == Utm()


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    banner_utm(text, enable_utm=True, group_utm=text, banner_id=1, group_id=2, plan_id=3)
