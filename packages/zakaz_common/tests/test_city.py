import subprocess
import sys
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from zakaz_common.city import CityDirectory, normalise_city, plain_text
from zakaz_common.city_directory import read_city_directory
from zakaz_common.testing.warehouse_engine import REPOSITORY


def key_as_it_was(raw: str) -> str:
    """The key before look-alikes were folded: what stands in warehouses that were loaded with it."""
    text = unicodedata.normalize("NFC", raw).replace("\u00a0", " ")
    return text.strip().lower().replace("ё", "е")


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
        # dashes
        ("Санкт\u2011Петербург", "санкт-петербург"),
        ("Санкт\u2013Петербург", "санкт-петербург"),
        ("Санкт - Петербург", "санкт-петербург"),
        ("Санкт \u2014 Петербург", "санкт-петербург"),
        ("Санкт\u2212Петербург", "санкт-петербург"),
        ("Санкт\uff0dПетербург", "санкт-петербург"),
        # blanks
        ("Нижний\u202f \t\u3000Новгород", "нижний новгород"),
        # what cannot be seen
        ("Каз\u200bань", "казань"),
        ("Каз\u00adань\ufeff", "казань"),
        ("\u202aКазань\u202c", "казань"),
        ("Казань\ufe0f", "казань"),
        ("\x00Казань\n", "казань"),
        # look-alikes
        ("Kазань", "казань"),
        ("kазань", "казань"),  # as a UTM value arrives, in lower case
        ("Κазань", "казань"),  # a Greek kappa
        ("KAЗAHЬ", "казань"),
        ("Ｋａзань", "казань"),
        ("𝐊азань", "казань"),
        ("Орëл", "орел"),  # ë is Latin
        ("Ростов-Ha-Дону", "ростов-на-дону"),
        ("C-Петербург", "с-петербург"),
        ("Росто\u0301в-на-Дону\u0301", "ростов-на-дону"),  # stress marks, as encyclopedias print them
        # Latin stays Latin: aliases map it
        ("London", "london"),
        ("moscow", "moscow"),
        ("COMO", "como"),  # each letter looks Cyrillic, none is
        ("Lоndon", "london"),  # о is Cyrillic
        ("VK-Арена", "vk-арена"),
        ("Expo Казань", "expo казань"),
        ("VKарена", "vkарена"),  # neither script can be meant throughout
        ("ZSVжа", "zsvжа"),
        ("i-Театр", "i-театр"),
        # the word before the name, the comma behind it
        ("г. Казань", "казань"),
        ("г.Казань", "казань"),
        ("г Казань", "казань"),
        ("Город Казань", "казань"),
        ("Казань,", "казань"),
        ("Москва г", "москва г"),  # an alias of the seed
        ("Н. Новгород", "н. новгород"),
        ("Город", "город"),
        ("Гор", "гор"),
        # what stands around a name, and in the place of one
        ("«Казань»", "казань"),
        ('"Казань"', "казань"),
        ("Kazan'", "kazan"),
        ("🎭 Казань ❤️", "казань"),
        ("Казань!", "казань"),
        ("Казань –", "казань"),
        ("Казань (Татарстан)", "казань (татарстан)"),
        ("Ростов-на-Дону", "ростов-на-дону"),
        ("-", ""),
        ("—", ""),
        ("?", ""),
        ("🎭", ""),
    ],
)
def test_the_key_of_a_city(raw, key):
    assert normalise_city(raw) == key


@given(st.text(max_size=40))
@example("г. г Казань , ;")
@example("a-\u0430\u0301-İ\u0307")
def test_a_key_is_its_own_key(raw):
    assert normalise_city(normalise_city(raw)) == normalise_city(raw)
    assert plain_text(plain_text(raw)) == plain_text(raw)


RUSSIAN_WORD = st.text("абвгдежзийклмнопрстуфхцчшщъыьэюяё", min_size=1, max_size=12)
LATIN_WORD = st.text("abcdefghijklmnopqrstuvwxyzéöç", min_size=1, max_size=12)


@given(
    st.lists(st.one_of(RUSSIAN_WORD, LATIN_WORD), min_size=1, max_size=3),
    st.sampled_from(" -"),
    st.sampled_from([str.lower, str.title, str.upper]),
)
def test_a_plainly_written_name_keeps_the_key_it_had(words, glue, case):
    hyphenated_of_both = glue == "-" and len({word[0] < "\u0400" for word in words}) > 1
    assume(words[0] not in ("г", "город") and not hyphenated_of_both)
    name = case(glue.join(words))
    assert normalise_city(f" {name} ") == key_as_it_was(name)


BLANKS = " \u00a0\u1680\u2000\u2003\u2007\u2009\u202f\u205f\u3000\t\n"
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u2043"
INVISIBLE = "\u200b\u200c\u200d\u2060\u00ad\ufeff\u200e\u200f\u202a\u202e\u2066\ufe0e\ufe0f\u034f\u061c\u180e\x00\x1f"
# by eye, not by the table under test
ALIKE = {
    **{"а": "aAΑα", "в": "BΒ", "е": "eEΕε", "к": "KkΚκ", "м": "MmΜ", "н": "HhΗ", "о": "oOΟοＯ", "р": "pPΡρ"},
    **{"с": "cC", "т": "TtΤτ", "у": "yY", "х": "xXΧχ", "г": "rΓ", "п": "πΠ", "ф": "Φφ", "і": "i"},
}


@st.composite
def noisy(draw, name: str) -> str:
    """The name as people and programs write it: it looks the same."""
    text = []
    for position, letter in enumerate(name):
        first_of_word = position == 0 or not name[position - 1].isalpha()
        if letter == "-":
            around = st.text(BLANKS, max_size=1)
            letter = draw(around) + draw(st.sampled_from(DASHES)) + draw(around)
        elif letter == " ":
            letter = draw(st.text(BLANKS, min_size=1, max_size=3))
        elif letter in ALIKE and not first_of_word and draw(st.booleans()):  # one letter stays Cyrillic
            letter = draw(st.sampled_from(ALIKE[letter]))
        elif draw(st.booleans()):
            letter = letter.upper()
        text.append(letter + draw(st.text(INVISIBLE, max_size=1)))
    outer = st.text(BLANKS + INVISIBLE, max_size=2)
    word = draw(st.sampled_from(["", "г. ", "г.", "г\u00a0", "Город "])) if name[0] >= "а" else ""
    return draw(outer) + word + "".join(text) + draw(st.sampled_from(["", ",", ".", " ;"])) + draw(outer)


@given(st.data())
def test_noise_that_nobody_sees_changes_no_key(cities, data):
    name = data.draw(st.sampled_from(cities))
    raw = data.draw(noisy(name))
    assert normalise_city(raw) == normalise_city(name) == key_as_it_was(name)
    assert CityDirectory({name: "город"}).resolve(raw) == "город"


@pytest.fixture(scope="session")
def cities(engine) -> list[str]:
    """Every alias and city of the seed."""
    return sorted(
        {name for row in engine.query("SELECT alias, city FROM zakaz.dim_city_alias").result_rows for name in row}
    )


def test_every_seeded_alias_resolves_to_a_city_that_resolves_to_itself(client, warehouse):
    aliases = dict(client.query("SELECT alias, city FROM zakaz.dim_city_alias FINAL").result_rows)
    directory = read_city_directory(warehouse)
    assert len(directory) == len(aliases) > 50
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


def test_the_alias_table_is_asked_after_folding():
    directory = CityDirectory({"с\u2013петербург": "Санкт\u2011Петербург"})
    assert directory.resolve("C - Петербург") == "санкт-петербург"
    assert directory.known("санкт\u2212петербург")


def test_the_table_of_look_alikes_is_what_unicode_says():
    command = [sys.executable, REPOSITORY / "scripts/make_look_alikes.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
