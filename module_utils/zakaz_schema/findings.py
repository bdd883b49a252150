"""A finding, the list of rules, and the waivers a file may hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RULES: dict[str, str] = {
    # bytes
    "bytes-utf8": "Files are UTF-8.",
    "bytes-bom": "Files begin without a byte order mark.",
    "bytes-carriage-return": "Lines end with LF.",
    "bytes-double-encoded": "Cyrillic is not encoded twice.",
    "bytes-lost-characters": "No characters were replaced by ? or U+FFFD.",
    "bytes-invisible": "No zero-width, bidirectional or non-breaking characters.",
    "bytes-mixed-script": "A word is written in one alphabet.",
    "bytes-unrendered": "No template expression is left.",
    # order
    "order-syntax": "Files can be cut into statements.",
    "order-unknown-statement": "Templates hold CREATE and INSERT … SELECT.",
    "order-alter-before-create": "A table is created before it is altered.",
    "order-alter-if-exists": "ALTER TABLE IF EXISTS is no ClickHouse syntax.",
    "order-unqualified": "Names are written database.object.",
    "order-defined-twice": "An object is defined once.",
    "order-not-repeatable": "CREATE says IF NOT EXISTS or OR REPLACE.",
    "order-destructive": "No DROP, TRUNCATE, DELETE, DETACH or RENAME.",
    "order-unknown-object": "What is read or written is defined before.",
    "order-unrepeatable-insert": "A seed inserts only rows that are missing.",
    # determinism
    "determinism-key": "Keys, partitions and TTL do not depend on the moment or on chance.",
    # layers
    "layer-loaded-at": "Tables carry _loaded_at in their CREATE.",
    "layer-ver": "Staging, dimensions and marts carry _ver in their CREATE.",
    "layer-currency": "Tables with money carry currency in their CREATE.",
    "layer-money": "Money is Decimal.",
    "layer-time-zone": "A DateTime names its zone.",
    "layer-partition": "Partition columns are part of the sorting key of a ReplacingMergeTree.",
    "layer-version-column": "A ReplacingMergeTree names its version column, and has it.",
    "layer-mutable-key": "Keys hold what never changes: no amounts, names or statuses.",
    "layer-no-key": "A table is sorted by its business key.",
    # views
    "view-syntax": "The select can be parsed.",
    "view-column": "Columns exist in what is read.",
    "view-final": "A ReplacingMergeTree is read with FINAL or an equivalent.",
    "view-star": "Columns are named, not SELECT *.",
    "view-alias": "Each column of the result has a name.",
    "view-decimal-division": "Money is not divided before it becomes Decimal.",
    "view-column-list": "No list of columns before AS: it is not checked by the engine.",
    "view-full-join": "No FULL JOIN: missing keys become 1970-01-01 and ''.",
    "view-union": "UNION says ALL: equal rows are not duplicates.",
    "view-ratio-average": "Ratios are divided from sums, never averaged.",
    "view-zero-divisor": "A division says what it is when the divisor is 0.",
    "view-definer": "bi views read with their definer's rights.",
    "view-join-fan-out": "A join to a dimension is ANY, SEMI, ANTI or to an aggregated side.",
    # materialized views
    "materialized-target": "A materialized view writes TO a table that is defined.",
    "materialized-column": "The target has the columns the view gives.",
    "materialized-mutable": "No incremental view over rows that are replaced.",
    # waivers
    "waiver-reason": "A waiver gives its reason.",
    "waiver-unused": "A waiver waives something.",
    "waiver-unknown": "A waiver names a rule.",
}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that must be mended.

    :param file: name of the file.
    :param line: line, from 1.
    :param name: object, '' when the file as a whole is meant.
    :param rule: a key of :data:`RULES`.
    :param message: what was found and what to write instead, one sentence.
    """

    file: str
    line: int
    name: str
    rule: str
    message: str

    def as_dict(self) -> dict[str, object]:
        return {
            "file": self.file,
            "line": self.line,
            "object": self.name,
            "rule": self.rule,
            "message": self.message,
        }

    def __str__(self) -> str:
        subject = f"{self.name}: " if self.name else ""
        return f"{self.file}:{self.line}: {subject}{self.message} [{self.rule}]"


@dataclass(frozen=True)
class Waiver:
    """``-- schema-check: allow RULE because REASON``, valid for the statement it stands in or before."""

    line: int
    rule: str
    reason: str


_WAIVER = re.compile(r"--\s*schema-check:\s*allow\s+([\w-]*)\s*(?:because\s+(.*))?$")


def waivers(text: str) -> list[Waiver]:
    """The waivers of one file."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _WAIVER.search(line)
        if match:
            found.append(Waiver(number, match.group(1), (match.group(2) or "").strip()))
    return found


def without_waived(file: str, text: str, spans: Sequence[tuple[int, int]], found: Iterable[Finding]) -> list[Finding]:
    """Findings of one file that no waiver covers, and findings about the waivers themselves.

    :param spans: (first, last) line of each statement.
    """
    left = list(found)
    for waiver in waivers(text):
        if waiver.rule not in RULES:
            left.append(Finding(file, waiver.line, "", "waiver-unknown", f"There is no rule {waiver.rule!r}."))
            continue
        if len(waiver.reason.split()) < 3:
            left.append(
                Finding(
                    file, waiver.line, "", "waiver-reason", "Write why: -- schema-check: allow RULE because REASON."
                )
            )
            continue
        first, last = next(((a, b) for a, b in spans if b >= waiver.line), (waiver.line, waiver.line))
        covered = [item for item in left if item.rule == waiver.rule and min(first, waiver.line) <= item.line <= last]
        if not covered:
            left.append(Finding(file, waiver.line, "", "waiver-unused", f"Nothing here breaks {waiver.rule}; drop it."))
        left = [item for item in left if item not in covered]
    return left
