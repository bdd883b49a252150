"""All rules over files or texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .failures import SchemaFailure
from .findings import Finding, without_waived
from .rule_bytes import check_bytes
from .rule_layers import check_table
from .rule_order import check_order
from .rule_views import Known, check_materialized_view, check_view
from .statements import Statement, split_statements


def check_files(paths: Sequence[Path]) -> list[Finding]:
    """Check files in the order they are applied."""
    return check_texts({path.name: path.read_bytes() for path in paths})


def check_texts(files: Mapping[str, bytes]) -> list[Finding]:
    """Check the bytes of files, by name, in the order they are applied.

    :returns: findings in order of file and line; empty when the schema is clean.
    """
    found: list[Finding] = []
    texts: dict[str, str] = {}
    statements: list[Statement] = []
    for name, raw in files.items():
        found.extend(check_bytes(name, raw))
        text = raw.decode("utf-8-sig", "replace")
        texts[name] = text
        try:
            statements.extend(split_statements(text, name))
        except SchemaFailure as failure:
            if not any(item.rule == "bytes-unrendered" and item.file == name for item in found):
                found.append(Finding(name, failure.line or 1, "", "order-syntax", failure.message))
    found.extend(check_order(statements))
    known = Known()
    for statement in statements:
        if statement.kind == "table":
            found.extend(check_table(statement))
            known.define_table(statement)
        elif statement.kind == "view":
            view, columns = check_view(statement, known)
            found.extend(view)
            known.define_view(statement, columns)
        elif statement.kind == "materialized_view":
            view, columns = check_materialized_view(statement, known)
            found.extend(view)
            known.define_view(statement, columns)
    left: list[Finding] = []
    for name, text in texts.items():
        spans = [(s.tokens[0].line, s.tokens[-1].line) for s in statements if s.file == name]
        left.extend(without_waived(name, text, spans, [item for item in found if item.file == name]))
    return sorted(set(left))
