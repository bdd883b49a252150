"""Takes secrets out of what programs said, before it is sent anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

HIDDEN = "•••"
_SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET|KEY|CREDENTIAL", re.IGNORECASE)
# Shorter values would blacken ordinary words.
_SHORTEST = 6
_SHAPES = (
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"(?i)(?<=[?&])(?:password|token|secret|access_token)=[^&\s]+"),
    re.compile(r"(?i)\b(?:password|token|secret)\b\s*[=:]\s*\S+"),
)


def known_secrets(folder: Path) -> set[str]:
    """Values of secret-sounding variables in a folder's `*.env` files."""
    found = set()
    for file in folder.glob("*.env"):
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            variable, _, value = line.partition("=")
            if _SECRET_NAME.search(variable) and len(value) >= _SHORTEST:
                found.add(value)
    return found


def conceal(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, and what looks like one."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    return text
