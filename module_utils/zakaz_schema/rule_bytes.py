"""Bytes: what an editor, a code page or a copy from a browser leaves behind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from .findings import Finding

_INVISIBLE = re.compile("[\u00a0\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_WORD = re.compile(r"[^\W\d_]+")
_FOREIGN = re.compile(r"[^\x00-\x7f]+(?:[ -~][^\x00-\x7f]+)*")
_CYRILLIC = re.compile("[\u0400-\u04ff]")


def check_bytes(file: str, raw: bytes) -> Iterator[Finding]:
    """Findings about one file's bytes."""
    if raw.startswith(b"\xef\xbb\xbf"):
        yield Finding(file, 1, "", "bytes-bom", "Begins with a byte order mark; save as UTF-8 without it.")
        raw = raw[3:]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        yield Finding(file, line, "", "bytes-utf8", f"Byte {error.start} is not UTF-8; save the file as UTF-8.")
        return
    if "\r" in text:
        line = text[: text.index("\r")].count("\n") + 1
        yield Finding(file, line, "", "bytes-carriage-return", "Holds a carriage return; save with LF line ends.")
    for number, line_text in enumerate(text.splitlines(), 1):
        yield from _line(file, number, line_text)


def _line(file: str, number: int, text: str) -> Iterator[Finding]:
    if found := _INVISIBLE.search(text):
        name = unicodedata.name(found.group(), f"U+{ord(found.group()):04X}")
        yield Finding(file, number, "", "bytes-invisible", f"Holds an invisible character ({name}); delete it.")
    if "\ufffd" in text or re.search(r"\?{4,}", text):
        yield Finding(
            file, number, "", "bytes-lost-characters", "Characters were lost in a conversion; write them anew."
        )
    if original := _decoded_again(text):
        yield Finding(file, number, "", "bytes-double-encoded", f"Encoded twice; it reads {original!r}.")
    else:
        for word in _WORD.findall(text):
            scripts = {unicodedata.name(letter, "?").split()[0] for letter in word}
            if {"LATIN", "CYRILLIC"} <= scripts:
                yield Finding(file, number, "", "bytes-mixed-script", f"{word!r} mixes Latin and Cyrillic letters.")
    if re.search(r"\{\{|\{%|\{#", text):
        yield Finding(file, number, "", "bytes-unrendered", "Holds a template expression; render the template first.")


def _decoded_again(text: str) -> str:
    """The Cyrillic that was there before UTF-8 bytes were read as another code page, or ''."""
    for run in _FOREIGN.findall(text):
        for page in ("cp1251", "cp1252", "latin-1"):
            try:
                original = run.encode(page).decode("utf-8")
            except (UnicodeEncodeError, UnicodeDecodeError):
                continue
            if _CYRILLIC.search(original):
                return original
    return ""
