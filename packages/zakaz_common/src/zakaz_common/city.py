"""The one normaliser of city names.

Sales name a city as the event's `city.name`, ads as a part of `utm_content`; both meet on the key made here.
`zakaz.dim_city_alias` maps spellings and Latin transliterations to that key.

What a person cannot see, or cannot tell apart, is folded before the alias table is asked: else `Санкт‑Петербург`
with a non-breaking hyphen, or `Kазань` with a Latin letter, would be a city of its own. The key of a name that is
written plainly never changes: it stands in the warehouse.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from zakaz_common.look_alikes import LOOK_ALIKES

UNATTRIBUTED = "unattributed"
"""The city of money that no city could be found for."""

# Unicode's Default_Ignorable_Code_Point beyond category Cf: joiners, fillers, variation selectors.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_MINUSES = frozenset("\u02d7\u2043\u2212")  # dashes in looks, not in category Pd
_BLANK_OTHERWISE = frozenset("\t\n\v\f\r\x85\u2800")  # the last: a braille pattern without dots
_BLANKS = re.compile(r" +")
_DASH_WITH_BLANKS = re.compile(r" ?-[ -]*")
# «г. Казань», «г Казань», «город Казань»: no city's name begins with these words
_WORD_CITY = re.compile(r"^(?:(?:г|гор)[. ][ .,;:]*|город )+(?=\w)")
# Around a name: blanks, quotes, stops, dashes, signs, emoji; brackets stay, they hold a part of it.
_AROUND = frozenset({"Zs", "Pc", "Pd", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"})
_LETTERS = "(?:[^\\W\\d_]|[\u0300-\u036f])+"  # with marks that nothing composes
_WORD = re.compile(f"{_LETTERS}(?:-{_LETTERS})*")
_RUSSIAN = frozenset("абвгдежзийклмнопрстуфхцчшщъыьэюя")
_TO_LATIN = {cyrillic: latin for latin, cyrillic in LOOK_ALIKES.items() if latin.isascii()}
_ACUTE = "\u0301"  # the stress mark of dictionaries: Москва́


def plain_text(text: str) -> str:
    """The text with every dash as `-`, every blank as one space, and without what cannot be seen.

    Full-width and other styled letters become plain ones; case is kept.
    """
    folded = unicodedata.normalize("NFC", "".join(map(_plain_character, _INVISIBLE.sub("", text))))
    return _BLANKS.sub(" ", folded).strip()


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Pd" or character in _MINUSES:
        return "-"
    if category[0] == "Z" or character in _BLANK_OTHERWISE:
        return " "
    if category in ("Cf", "Cc"):
        return ""
    styled = unicodedata.decomposition(character).startswith("<")
    # Signs such as № and ½ stay as they are: they are no other way to write a letter.
    if styled and (category[0] == "L" or "\uff00" <= character <= "\uffef"):
        return "".join(map(_plain_character, unicodedata.normalize("NFKC", character)))
    return character


@lru_cache(maxsize=16_384)  # a season has some hundred spellings, and as many rows as it likes
def normalise_city(raw: str) -> str:
    """The key: lower case, `ё` as `е`, look-alike letters, dashes, blanks and invisible characters folded.

    Inner spaces and hyphens are kept, a dash loses the blanks around it; the word «г.» before the name and quotes,
    stops, dashes and emoji around it go. A word that mixes Cyrillic with letters that look Cyrillic is Cyrillic; a
    Latin name stays Latin. Composed and decomposed spellings of `ё` and `й` give the same key. Blank input gives '',
    and so does a mere dash.
    """
    key = _folded(raw)
    while (again := _folded(key)) != key:  # under one layer of noise may be the next
        key = again
    return key


def _folded(raw: str) -> str:
    text = _DASH_WITH_BLANKS.sub("-", plain_text(raw.lower()))
    text = _WORD.sub(lambda word: _one_script(word[0]), text).replace("ё", "е")
    return _WORD_CITY.sub("", _without_surroundings(text))


def _without_surroundings(text: str) -> str:
    first, end = 0, len(text)
    while first < end and unicodedata.category(text[first]) in _AROUND:
        first += 1
    while end > first and unicodedata.category(text[end - 1]) in _AROUND:
        end -= 1
    return text[first:end]


def _one_script(word: str) -> str:
    """A hyphenated word, each part that mixes scripts in one: Cyrillic where every letter can be that."""
    if word.isascii():
        return word
    whole = unicodedata.normalize("NFD", word)
    if not any(map(_is_cyrillic, whole)):
        return word
    return unicodedata.normalize("NFC", "-".join(map(_part_in_one_script, whole.split("-")))).replace(_ACUTE, "")


def _part_in_one_script(part: str) -> str:
    letters = [c for c in part if c.isalpha()]
    own = [c for c in letters if _is_cyrillic(c)]
    foreign = [c for c in letters if not _is_cyrillic(c)]
    read = [LOOK_ALIKES.get(c, "") for c in foreign]
    # A part without Cyrillic letters, in a word that has some: Ростов-Ha-Дону.
    if all(read) and (own or _RUSSIAN.issuperset(read)):
        return "".join(LOOK_ALIKES.get(c, c) for c in part)
    if len(own) < len(foreign) and all(c in _TO_LATIN for c in own):
        return "".join(_TO_LATIN.get(c, c) for c in part)
    return part


def _is_cyrillic(character: str) -> bool:
    return "\u0400" <= character <= "\u052f"


class CityDirectory:
    """Resolves a spelling to the city it stands for, through the aliases of `zakaz.dim_city_alias`."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self._aliases = {normalise_city(alias): normalise_city(city) for alias, city in aliases.items()}

    def __len__(self) -> int:
        return len(self._aliases)

    def resolve(self, raw: str) -> str:
        """The city's key for any spelling: its alias's city, else the normalised spelling; '' stays ''."""
        key = normalise_city(raw)
        return self._aliases.get(key, key)

    def known(self, raw: str) -> bool:
        """Whether the spelling is an alias, or a city some alias points to."""
        key = normalise_city(raw)
        return key in self._aliases or key in self._aliases.values()
