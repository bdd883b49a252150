"""Every path the mapping names exists, and every row has a proof that can be run."""

from __future__ import annotations

import re

from tests.makefile import REPOSITORY, targets

ROWS = re.findall(
    r"^\| (?!criterion|---)(.+?) \| (.+?) \| (.+?) \|$",
    (REPOSITORY / "docs/mapping.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)
# made by make targets, never committed
MADE = {"reports/"}


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_place_exists():
    assert len(ROWS) >= 25
    for criterion, where, proof in ROWS:
        paths = [span for span in spans(where) + spans(proof) if "/" in span or span.endswith((".md", ".yml"))]
        assert [span for span in spans(where) if span in paths], f"no place: {criterion}"
        for path in set(paths) - MADE:
            assert (REPOSITORY / path).exists(), f"{criterion}: {path} is not there"


def test_every_criterion_has_a_command_or_a_test():
    for criterion, _, proof in ROWS:
        commands = [span for span in spans(proof) if span.startswith("make ")]
        tests = [span for span in spans(proof) if span.startswith("tests/")]
        assert commands or tests, f"no proof: {criterion}"
        assert {command.split()[1] for command in commands} <= targets(), criterion
