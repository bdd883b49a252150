import pytest
from hypothesis import given
from hypothesis import strategies as st
from zakaz_common.city import CityDirectory, normalise_city


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("Москва", "москва"),
        ("  Орёл ", "орел"),
        ("Орёл", "орел"),  # ё as е and a combining mark
        ("САНКТ-ПЕТЕРБУРГ", "санкт-петербург"),
        ("Нижний Новгород", "нижний новгород"),
        ("\u00a0Тула\u00a0", "тула"),
        ("", ""),
    ],
)
def test_the_key_of_a_city(raw, key):
    assert normalise_city(raw) == key


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(raw):
    assert normalise_city(normalise_city(raw)) == normalise_city(raw)


def test_every_seeded_alias_resolves_to_a_city_that_resolves_to_itself(warehouse):
    aliases = warehouse.city_aliases()
    directory = CityDirectory(aliases)
    assert len(directory) > 50
    for alias, city in aliases.items():
        assert directory.resolve(alias) == city
        assert directory.resolve(alias.upper()) == city
        assert directory.resolve(f" {alias} ") == city
        assert directory.resolve(city) == city
        assert normalise_city(alias) == alias, "an alias that is no key is never found by the views"
        assert normalise_city(city) == city


def test_an_unknown_city_keeps_its_own_key():
    directory = CityDirectory({"msk": "москва"})
    assert directory.resolve("MSK") == "москва"
    assert directory.resolve("Урюпинск") == "урюпинск"
    assert directory.resolve("") == ""
    assert directory.known("Москва")
    assert not directory.known("Урюпинск")
