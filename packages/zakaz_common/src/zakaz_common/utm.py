"""UTM parameters: cleaned the same way wherever they come from."""

import re
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

_FIELDS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_MAX_LENGTH = 255
_AT = re.compile("[@\uff20\ufe6b]|%(?:25)*40")  # encoded twice, it is still an address
_PERCENT_CODES = re.compile("(?:%[0-9A-Fa-f]{2})+")


class Utm(NamedTuple):
    """The five UTM parameters, '' where absent."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    content: str = ""
    term: str = ""


def clean_utm(value: object) -> str:
    """One parameter: percent-decoded, trimmed, lower case, control characters out, at most 255 characters.

    None, lists and objects give ''. Numbers are taken as text: a campaign id is one.
    A value with an `@` is dropped: an address typed into a link is personal data. Percent codes are UTF-8, else
    CP1251 as old Windows tools write them, else they stay as they are: two campaigns never become one.
    """
    if type(value) is str:
        return _clean(value)
    return "" if value is None or isinstance(value, bool | list | dict) else _clean(str(value))


@lru_cache(maxsize=16_384)  # a season has a few hundred values, and as many orders as it likes
def _clean(text: str) -> str:
    if "%" in text:
        text = _decoded(text)
    text = "".join(c for c in text if c.isprintable()).strip().lower()
    return "" if _AT.search(text) else text[:_MAX_LENGTH]


def _run_of_codes(encoding: str, codes: re.Match[str]) -> str:
    return bytes.fromhex(codes[0].replace("%", "")).decode(encoding)


def _decoded(text: str) -> str:
    """`+` as a blank, percent codes as text in one encoding for the whole value.

    CP1251 whose every run of codes happens to be UTF-8 too (such as `Сё` alone) is read as UTF-8.
    """
    for encoding in ("utf-8", "cp1251"):
        try:
            return _PERCENT_CODES.sub(partial(_run_of_codes, encoding), text.replace("+", " "))
        except UnicodeDecodeError:
            continue
    return text


def utm_from_mapping(mapping: object) -> Utm:
    """UTM parameters from a decoded JSON value; anything but an object (PHP sends `[]`) is empty."""
    if not isinstance(mapping, dict):
        return Utm()
    return Utm(*(clean_utm(mapping.get(field)) for field in _FIELDS))


def utm_from_url(url: str) -> Utm:
    """UTM parameters of a link, of a repeated one the last that has a value.

    Raises ValueError for a link that cannot be read.
    """
    pairs = (pair.partition("=") for pair in urlsplit(url).query.split("&"))
    return utm_from_mapping({_decoded(name): _decoded(value) for name, _, value in pairs if value})


def url_without_query(url: str) -> str:
    """The link without query, fragment and credentials: what is safe to store and show."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.hostname or "", parts.path, "", ""))
