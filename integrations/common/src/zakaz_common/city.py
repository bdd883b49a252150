"""The one normaliser of city names.

Sales name a city as the event's `city.name`, ads as a part of `utm_content`; both meet on the key made here.
`zakaz.dim_city_alias` maps spellings and Latin transliterations to that key.
"""

import unicodedata
from collections.abc import Mapping

UNATTRIBUTED = "unattributed"
"""The city of money that no city could be found for."""


def normalise_city(raw: str) -> str:
    """Lower case, `ё` as `е`, outer blanks trimmed; inner spaces and hyphens are kept.

    Composed and decomposed spellings of `ё` and `й` give the same key. Blank input gives ''.
    """
    text = unicodedata.normalize("NFC", raw).replace("\u00a0", " ")
    return text.strip().lower().replace("ё", "е")


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
