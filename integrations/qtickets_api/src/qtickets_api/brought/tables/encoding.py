"""Which encoding a file is in: UTF-8, UTF-16 with a byte order mark, or CP1251, and never a guess that garbles text.

Any bytes are CP1251 text of some kind, so that is taken only where what it gives looks like Russian: the letters'
frequencies and turns tell KOI8-R apart from it, the capitals CP866 and Mac Cyrillic.
"""

import codecs
import math
import re
from itertools import pairwise

UTF_8 = "UTF-8"
UTF_8_BOM = "UTF-8 with BOM"
UTF_16_LE = "UTF-16 LE"
UTF_16_BE = "UTF-16 BE"
CP1251 = "CP1251"

_BOMS = (
    (codecs.BOM_UTF8, "utf-8", UTF_8_BOM),
    (codecs.BOM_UTF16_LE, "utf-16-le", UTF_16_LE),
    (codecs.BOM_UTF16_BE, "utf-16-be", UTF_16_BE),
)
_PLAIN = frozenset("\u00a0«»„“”‘’–—…№•·™°€")
# letters of Russian text, per thousand (the National Corpus)
_FREQUENCY = {
    "о": 110, "е": 85, "а": 80, "и": 74, "н": 67, "т": 63, "с": 55, "р": 47, "в": 45, "л": 44, "к": 35, "м": 32,
    "д": 30, "п": 28, "у": 26, "я": 20, "ы": 19, "ь": 17, "г": 17, "з": 16, "б": 16, "ч": 14, "й": 12, "х": 10,
    "ж": 9, "ш": 7, "ю": 6, "ц": 5, "щ": 4, "э": 3, "ф": 3, "ъ": 0.4, "ё": 1,
}  # fmt: skip
_VOWELS = frozenset("аеёиоуыэюя")
# what no Russian word has: a sign that follows nothing it could soften, й after a consonant, and the like
_IMPOSSIBLE = re.compile(
    r"\b[ъьы]|[аеёиоуыэюяйъь][ъь]|[бвгджзклмнпрстфхцчшщъь]й|[бвгджзклмнпрстфхцчшщ]{5}|[аеёиоуыэюя]{4}"
)
_WORD = re.compile(r"[А-Яа-яЁё]+")
_MIXED = re.compile(r"[A-Za-z][А-Яа-яЁё]|[А-Яа-яЁё][A-Za-z]")
_NO_BEGINNING = re.compile(r"(?<![\w’])[’”•–—…€™›](?=[А-Яа-яЁё])")
_PAIRED = (re.compile("[„“”]"), re.compile("(?<![A-Za-zА-Яа-яЁё])[‘’]|[‘’](?![A-Za-zА-Яа-яЁё])"))
_ROUBLES = re.compile(r"\bруб\b|\bр\.", re.IGNORECASE)


class EncodingError(ValueError):
    """The bytes are text of no encoding that is read; the text says what was found and what mends it."""


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding. Lone surrogates of UTF-16 stay in the text. Raises EncodingError."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise EncodingError("is UTF-32; save it as CSV UTF-8")
    for mark, codec, name in _BOMS:
        if data.startswith(mark):
            try:
                # Excel cuts pairs in two; the half that is left is a matter of its cell, not of the file
                errors = "strict" if codec == "utf-8" else "surrogatepass"
                return data[len(mark) :].decode(codec, errors), name
            except UnicodeDecodeError:
                raise EncodingError(f"says {name} and is not; save it as CSV UTF-8") from None
    if b"\n\0" in data or b"\0\n" in data or data.count(0) > len(data) // 8:
        raise EncodingError("looks like UTF-16 without a byte order mark; save it as CSV UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _cp1251(data), CP1251
    if _was_encoded_twice(text):
        raise EncodingError("was made UTF-8 twice, its letters are garbled; export it anew as CSV UTF-8")
    return text, UTF_8


def _cp1251(data: bytes) -> str:
    try:
        text = data.decode("cp1251")
    except UnicodeDecodeError:
        text = ""
    if not text or not _is_russian(text) or _likelihood(data.decode("koi8-r")) > _likelihood(text):
        raise EncodingError("is neither UTF-8 nor Russian text in CP1251; save it as CSV UTF-8")
    return text


def _is_russian(text: str) -> bool:
    """Only Russian letters beside ASCII, in words that nobody would doubt."""
    if any(c > "\x7f" and c not in _PLAIN and not _WORD.match(c) for c in set(text)):
        return False
    if _NO_BEGINNING.search(text) or any(len(marks.findall(text)) % 2 for marks in _PAIRED):
        return False  # the capitals of Mac Cyrillic and CP866 stand where CP1251 has these
    if re.search(r"[а-яё]Я", text):  # the one small letter of Mac Cyrillic that stands elsewhere
        return False
    return len(_MIXED.findall(text)) * 2 <= len(_WORD.findall(text))  # Café


def _likelihood(text: str) -> float:
    """How much like Russian the words are, in nats; only to compare readings of the same bytes."""
    found = 0.0
    for word in set(_WORD.findall(_ROUBLES.sub("", text))):
        lower = word.lower()
        found += sum(math.log(_FREQUENCY[letter] / 1000) for letter in lower)
        # vowels and consonants take turns
        found += sum(math.log(0.2 if (a in _VOWELS) == (b in _VOWELS) else 0.8) for a, b in pairwise(lower))
        found -= 5 * len(_IMPOSSIBLE.findall(lower))
        if re.search("[а-яё][А-ЯЁ]", word):
            found -= 6
        elif len(word) > 1 and word.isupper():
            found -= 2
    outside = sum(c > "\x7f" and c not in _PLAIN and not _WORD.match(c) for c in set(text))
    return found - 12 * outside


def _was_encoded_twice(text: str) -> bool:
    if text.isascii():
        return False
    for page in ("cp1251", "cp1252"):
        try:
            again = text.encode(page, _AS_BYTES).decode("utf-8")
        except UnicodeError:
            continue
        if again != text and _WORD.search(again):
            return True
    return False


def _control_as_byte(error: UnicodeError) -> tuple[bytes, int]:
    """Bytes to which a code page gives no character are taken for control characters by what reads it wrongly."""
    if isinstance(error, UnicodeEncodeError):
        characters = error.object[error.start : error.end]
        if all("\x80" <= character <= "\x9f" for character in characters):
            return characters.encode("latin-1"), error.end
    raise error


_AS_BYTES = "control-as-byte"
codecs.register_error(_AS_BYTES, _control_as_byte)
