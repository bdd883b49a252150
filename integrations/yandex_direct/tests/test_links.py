"""Where an ad leads once Direct has added its parameters, and the UTM a visitor arrives with."""

from __future__ import annotations

import pytest
from yandex_direct.objects.links import ad_macros, final_link, final_utm
from zakaz_common.utm import Utm

MACROS = ad_macros(ad_id=17, group_id=5, campaign_id=3, campaign_name="Цирк & Ёлка 50%")
HREF = "https://a.example/event/9?utm_source=own&x=1&utm_content=tomsk_05_10#places"


def test_a_block_goes_over_the_links_own_parameters_and_before_the_anchor() -> None:
    link = final_link(HREF, None, "utm_source=yandex&utm_content={ad_id}")
    assert link == "https://a.example/event/9?x=1&utm_source=yandex&utm_content={ad_id}#places"


@pytest.mark.parametrize(
    ("group", "campaign", "source"),
    [("utm_source=g", "utm_source=c", "g"), ("", "utm_source=c", "c"), (None, "utm_source=c", "c"), (" ", "", "own"),
     ("utm_medium=cpc", "utm_source=c", "own"), (None, None, "own"), ("?utm_source=g", None, "g"),
     ("&utm_source=g&", None, "g")],
)  # fmt: skip
def test_one_block_counts_the_groups_before_the_campaigns(group: str | None, campaign: str, source: str) -> None:
    assert final_utm(final_link(HREF, group, campaign), {}).source == source


def test_a_name_written_with_codes_is_the_same_parameter() -> None:
    assert (
        final_link("https://a.example/?utm%5Fsource=own&x=1", "utm_source=b", None)
        == "https://a.example/?x=1&utm_source=b"
    )


def test_a_link_that_cannot_be_read_stays_as_it_is() -> None:
    link = final_link("https://[broken", "utm_source=b&utm_content={ad_id}", None)
    assert link == "https://[broken"
    assert final_utm(link, MACROS) == Utm()


@pytest.mark.parametrize(
    ("group", "campaign"),
    [("utm_source=b&utm_content={ad_id}", "utm_source=c"), (None, "utm_source=b&utm_content={ad_id}")],
)
@pytest.mark.parametrize("href", ["", "  "])
def test_an_ad_without_a_link_is_known_by_its_block(href: str, group: str | None, campaign: str) -> None:
    assert final_utm(final_link(href, group, campaign), MACROS) == Utm(source="b", content="17")


def test_an_ad_without_a_link_and_a_block_is_known_by_nothing() -> None:
    assert final_utm(final_link("", None, ""), MACROS) == Utm()


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ("{ad_id}", "17"),
        ("{banner_id}", "17"),
        ("{AD_ID}", "17"),
        ("%7Bad_id%7D", "17"),
        ("{gbid}-{campaign_id}", "5-3"),
        ("-{ad_id}-", "-17-"),
        ("{campaign_name}", "цирк & ёлка 50%"),
        ("{campaign_name_lat}", "tsirk_elka_50"),
        ("a_{ad_id}_b", "a_17_b"),
        ("plain", "plain"),
        ("_plain_", "_plain_"),
        # only a click knows these
        ("{keyword}", ""),
        ("{source_type}", ""),
        ("{position}.{region_id}", ""),
        ("tomsk_05_10_{keyword}", "tomsk_05_10"),
        ("{source}|{ad_id}", "17"),
        ("{}", ""),
    ],
)
def test_a_macro_becomes_what_is_known_of_the_ad_and_others_stay_out(written: str, arrives: str) -> None:
    assert final_utm(f"https://a.example/?utm_content={written}", MACROS) == Utm(content=arrives)


def test_a_campaigns_name_is_text_and_no_code() -> None:
    macros = ad_macros(ad_id=17, group_id=5, campaign_id=3, campaign_name="Цирк+Ко 50%25")
    assert final_utm("https://a.example/?utm_campaign={campaign_name}", macros).campaign == "цирк+ко 50%25"


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("Щука, объезд и Хор Ъ", "schuka_obezd_i_hor"),
        ("«Юность» — Пенза 🎟", "yunost_penza"),
        ("Big Show 2026", "big_show_2026"),
        ("Ёж, цыц! Эй, чаша, жим", "ezh_tsyts_ey_chasha_zhim"),
        ("🎟", ""),
    ],
)
def test_a_campaigns_name_in_latin_letters(name: str, latin: str) -> None:
    macros = ad_macros(ad_id=17, group_id=5, campaign_id=3, campaign_name=name)
    assert final_utm("https://a.example/?utm_campaign={campaign_name_lat}", macros).campaign == latin


def test_what_is_not_known_of_an_ad_stays_out_too() -> None:
    macros = ad_macros(ad_id=17, group_id=0, campaign_id=0, campaign_name="")
    link = (
        "https://a.example/?utm_source={gbid}&utm_medium={campaign_id}&utm_campaign={campaign_name}&utm_content={ad_id}"
    )
    assert final_utm(link, macros) == Utm(content="17")
