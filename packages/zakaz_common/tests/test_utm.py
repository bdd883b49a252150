from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from zakaz_common.utm import Utm, clean_utm, url_without_query, utm_from_mapping, utm_from_url


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("Telegram_Ads ", "telegram_ads"),
        ("%D1%82%D0%BE%D0%BC%D1%81%D0%BA_05_10", "томск_05_10"),
        ("a%20b+c", "a b c"),
        ("%D2%EE%EC%F1%EA_05_10", "томск_05_10"),  # CP1251
        ("%CD%E8%E6%ED%E8%E9+%CD%EE%E2%E3%EE%F0%EE%E4", "нижний новгород"),
        ("Томск_%EE%F1%E5%ED%FC", "томск_осень"),  # typed and encoded in one value
        ("%D1%B8%EC%E3%E0", "сёмга"),  # its first two bytes are UTF-8 by chance, the value is not
        ("%98%EE", "%98%ee"),  # in neither encoding
        ("100%", "100%"),
        ("100%25", "100%"),
        (12345, "12345"),
        (None, ""),
        ([], ""),
        ({}, ""),
        (True, ""),
        ("a\nb\x00c", "abc"),
        ("buyer@example.com", ""),
        ("buyer%2540example.com", ""),
        ("buyer%252540example.com", ""),
        ("buyer＠example.com", ""),
        ("buyer%40example.com", ""),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_parameter_is_cleaned(value, clean):
    assert clean_utm(value) == clean


def test_the_five_parameters_come_from_an_object_or_a_link():
    assert utm_from_mapping({"utm_source": "VK", "utm_term": 7, "other": 1}) == Utm("vk", "", "", "", "7")
    assert utm_from_mapping([]) == Utm()
    assert utm_from_url("https://a.example/x?utm_source=telegram&utm_content=55&token=s") == Utm(
        "telegram", "", "", "55"
    )


def test_a_stored_link_has_no_query_fragment_or_credentials():
    assert url_without_query("https://u:p@a.example:8443/x/y?token=s#f") == "https://a.example/x/y"


def test_a_link_whose_query_is_in_cp1251_is_read():
    url = "https://a.example/x?utm_source=vk&utm_campaign=%EB%E5%F2%EE&utm_content=%D2%EE%EC%F1%EA_05_10&utm_term=a+b"
    assert utm_from_url(url) == Utm("vk", "", "лето", "томск_05_10", "a b")
    assert utm_from_url("https://a.example/?utm_content=&utm_content=x&utm_content&utm%5Fsource=%98") == Utm(
        "%98", "", "", "x"
    )


CYRILLIC = st.text("абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВЯ ЁїЄі№«»—_-0123456789az", min_size=1, max_size=40)


@given(CYRILLIC, st.sampled_from(["utf-8", "cp1251"]), st.sampled_from([quote, quote_plus]))
def test_any_cyrillic_text_comes_back_from_either_encoding(text, encoding, quoted):
    code = text.encode(encoding)
    assume(encoding == "utf-8" or not is_utf8(code) or code.isascii())
    expected = text.strip().lower()
    written = quoted(code, safe="")
    assert utm_from_url(f"https://a.example/?utm_content={written}").content == expected
    # without a single code a plus is a plus
    assert clean_utm(written) == (expected if "%" in written else written.lower())


def is_utf8(code: bytes) -> bool:
    try:
        code.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@example("лето", "зима", "cp1251")
@given(CYRILLIC, CYRILLIC, st.sampled_from(["utf-8", "cp1251"]))
def test_two_campaigns_never_become_one(one, other, encoding):
    assume(one.strip().lower() != other.strip().lower())
    # all of a value is encoded: bytes of two values differ, and so do the decoded texts
    first, second = ("%" + text.encode(encoding).hex("%") for text in (one, other))
    assume(is_utf8(one.encode(encoding)) == is_utf8(other.encode(encoding)))
    assert clean_utm(first) != clean_utm(second)
