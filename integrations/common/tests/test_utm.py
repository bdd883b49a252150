import pytest
from zakaz_common.utm import Utm, clean_utm, url_without_query, utm_from_mapping, utm_from_url


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("VK_Ads ", "vk_ads"),
        ("%D1%82%D0%BE%D0%BC%D1%81%D0%BA_05_10", "томск_05_10"),
        ("a%20b+c", "a b c"),
        (12345, "12345"),
        (None, ""),
        ([], ""),
        ({}, ""),
        (True, ""),
        ("a\nb\x00c", "abc"),
        ("buyer@example.com", ""),
        ("buyer%40example.com", ""),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_parameter_is_cleaned(value, clean):
    assert clean_utm(value) == clean


def test_the_five_parameters_come_from_an_object_or_a_link():
    assert utm_from_mapping({"utm_source": "VK", "utm_term": 7, "other": 1}) == Utm("vk", "", "", "", "7")
    assert utm_from_mapping([]) == Utm()
    assert utm_from_url("https://a.example/x?utm_source=vk_ads&utm_content=55&token=s") == Utm("vk_ads", "", "", "55")


def test_a_stored_link_has_no_query_fragment_or_credentials():
    assert url_without_query("https://u:p@a.example:8443/x/y?token=s#f") == "https://a.example/x/y"
