"""What the documents hold: fenced blocks, links and anchors, as GitHub renders them."""

from __future__ import annotations

import itertools
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.makefile import REPOSITORY


def documents() -> list[Path]:
    """Every Markdown file that git tracks, or will."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [REPOSITORY / name for name in sorted(listed.stdout.split()) if (REPOSITORY / name).exists()]


@cache
def parsed(path: Path) -> list[Token]:
    return MarkdownIt("gfm-like", {"linkify": False}).parse(path.read_text(encoding="utf-8"))


def links(path: Path) -> list[str]:
    """Targets of links and pictures."""
    found = []
    for token in parsed(path):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                found.append(str(target))
    return found


def anchors(path: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    found: set[str] = set()
    tokens = parsed(path)
    for heading, inline in itertools.pairwise(tokens):
        if heading.type == "heading_open":
            text = "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            number = 0
            while (name := f"{slug}-{number}" if number else slug) in found:
                number += 1
            found.add(name)
    return found


@dataclass(frozen=True)
class Block:
    """A fenced shell block; `skipped` is why it is not run by the documentation test."""

    path: Path
    line: int
    text: str
    skipped: str | None


def shell_blocks(path: Path) -> list[Block]:
    """Blocks fenced as `sh`, in order. `<!-- not run: why -->` before one excepts it."""
    found = []
    reason = None
    for token in parsed(path):
        if token.type == "html_block":
            match = re.search(r"<!-- not run: (.+?) -->", token.content, flags=re.DOTALL)
            reason = match[1] if match else None
        elif token.type == "fence":
            if token.info.strip() == "sh":
                found.append(Block(path, token.map[0] + 1 if token.map else 0, token.content, reason))
            reason = None
        elif token.type not in ("paragraph_close", "inline"):
            reason = reason if token.nesting <= 0 else None
    return found
