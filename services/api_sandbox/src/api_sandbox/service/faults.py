"""Scripted faults: which requests they strike and what they do to them.

A fault names a route and the first request it strikes (counted from its injection over the requests that match);
it strikes ``times`` requests in a row and is spent. ``times=0`` strikes until the faults are cleared.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

import msgspec

from api_sandbox.season.mutations import Mutation
from api_sandbox.service.report_text import ReportText

Rank = Literal["descriptive", "identity", "ignored"]
MoneyForm = Literal["noise", "fraction", "string", "spaced", "exponent"]
TextForm = Literal["surrogate", "nul", "control", "bidi", "huge", "emoji", "invalid_utf8"]
RECORD_KINDS = ("spoil", "money", "text")
"""Faults inside records: each vendor carries them out on its own (``VendorApi.damaged``)."""

Kind = Literal[
    "status",  # answer ``status`` instead, with ``retry_after``, ``headers`` and ``body`` when given
    "html",  # answer an HTML page with status 200 (or ``status``)
    "cut",  # promise the whole body, send a part, close the connection (``reset``: with a TCP reset)
    "truncate",  # send a part of the JSON as if it were all of it
    "slow",  # wait ``seconds`` before the answer; with ``pieces`` also between the pieces of the body
    "edit",  # change the JSON on its way out by ``edits``
    "duplicate_page",  # answer with the page before the one asked for, under the number asked for
    "ignore_filters",  # drop ``where`` from the request, as a server would that does not know the column
    "mutate",  # carry out ``mutations`` just before answering
    "spoil",  # an unreadable value in one field of ``rank`` of a ``share`` of the records (``paths``: of these only)
    "money",  # the money of a ``share`` of the orders in another ``form``
    "text",  # odd characters, by ``form``, in one text of a ``share`` of the records
    "clock_skew",  # move the Date header by ``seconds``
]


class Edit(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One change of a JSON answer.

    ``path`` is dotted; a number indexes a list, ``*`` stands for every element: ``data.*.price``. Elements that
    do not exist are passed over, except that the last name may add a key.
    """

    path: str
    op: Literal["set", "delete"] = "set"
    value: Any = None


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One scripted fault; see the module for how it is counted.

    ``route`` is a shell pattern over the path, or over ``METHOD path`` when it holds a blank. ``page`` narrows it
    to Qtickets requests that ask for that page. ``seconds`` are seconds, ``keep`` is the number of bytes a cut or
    truncated body keeps (half of it when missing). ``share`` (0…1), ``seed``, ``rank``, ``paths`` and ``form`` are of
    the faults inside records.
    """

    kind: Kind
    route: str = "/api/*"
    page: int | None = None
    nth: int = 1
    times: int = 1
    status: int | None = None
    retry_after: str | int | None = None
    headers: dict[str, str] = {}
    body: Any = None
    seconds: float = 0.0
    pieces: int = 1
    keep: int | None = None
    reset: bool = False
    edits: list[Edit] = []
    mutations: list[Mutation] = []
    share: float = 1.0
    seed: int = 1
    rank: Rank = "descriptive"
    paths: list[str] = []
    form: MoneyForm | TextForm | Literal[""] = ""

    def __post_init__(self) -> None:
        forms = {"money": get_args(MoneyForm), "text": get_args(TextForm)}.get(self.kind)
        if forms and self.form not in forms:
            raise ValueError(f"{self.kind}: form must be one of {', '.join(forms)}, found {self.form!r}")

    def matches(self, method: str, path: str, body: Any) -> bool:
        """Whether the request is one this fault counts."""
        if not fnmatchcase(f"{method} {path}" if " " in self.route else path, self.route):
            return False
        return self.page is None or (isinstance(body, dict) and body.get("page", 1) == self.page)


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged field: of which record, where (``$.baskets[1].price``), and what kind of fault did it."""

    dataset: str
    id: int
    path: str
    kind: str
    rank: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class FaultPlan:
    """The faults that still wait, in order of injection."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, list[int]]] = []

    def add(self, fault: Fault) -> None:
        """Begin to count requests for the fault."""
        self._waiting.append((fault, [0]))

    def clear(self) -> None:
        """Forget every fault."""
        self._waiting.clear()

    def pending(self) -> list[Fault]:
        """Faults that have not struck for the last time (endless ones always)."""
        return [fault for fault, seen in self._waiting if not _spent(fault, seen[0])]

    def strike(self, method: str, path: str, body: Any) -> list[Fault]:
        """Count one request; the faults that strike it."""
        struck = []
        for fault, seen in self._waiting:
            if fault.matches(method, path, body):
                seen[0] += 1
                if seen[0] >= fault.nth and (not fault.times or seen[0] < fault.nth + fault.times):
                    struck.append(fault)
        return struck


def _spent(fault: Fault, seen: int) -> bool:
    return bool(fault.times) and seen >= fault.nth + fault.times - 1


def apply_edits(document: Any, edits: Iterable[Edit]) -> Any:
    """Change the decoded JSON in place and answer it."""
    for edit in edits:
        *parents, last = edit.path.split(".")
        for holder in _find(document, parents):
            for key in _keys(holder, last):
                if edit.op == "delete":
                    if not isinstance(holder, dict) or key in holder:
                        del holder[key]
                else:
                    holder[key] = edit.value
    return document


def edited_csv(body: bytes, edits: Iterable[Edit]) -> bytes:
    """The same of a table with headings, as if it were ``{"rows": [{heading: cell}]}``."""
    text = body.decode()
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    rows = apply_edits({"rows": list(reader)}, edits)["rows"]
    out = io.StringIO()
    writer = csv.DictWriter(out, reader.fieldnames or [], delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def edited_report(body: bytes, edits: Iterable[Edit]) -> bytes:
    """The same of a report of lines with tabs. Its count stays, right or wrong, unless ``total`` is edited."""
    report = ReportText.read(body)
    if report is None:
        return body
    label, total = report.count
    edited = apply_edits({"rows": report.rows, "total": total}, edits)
    report.rows, report.count = edited["rows"], (label, edited["total"])
    return report.write()


def _find(document: Any, names: list[str]) -> list[Any]:
    found = [document]
    for name in names:
        found = [
            holder[key]
            for holder in found
            for key in _keys(holder, name)
            if not isinstance(holder, dict) or key in holder
        ]
    return [holder for holder in found if isinstance(holder, dict | list)]


def _keys(holder: Any, name: str) -> list[Any]:
    if isinstance(holder, list):
        if name == "*":
            return list(range(len(holder)))
        return [int(name)] if name.lstrip("-").isdecimal() and -len(holder) <= int(name) < len(holder) else []
    if isinstance(holder, dict):
        return list(holder) if name == "*" else [name]
    return []
