"""A plan and its diff as a person reads them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from .catalogue import Catalogue, CatalogueObject
from .plan import Operation, Plan


def refusals(plan: Plan, allow: Collection[str]) -> list[str]:
    """A sentence for each operation that is not allowed: where, what, why, and what would allow it."""
    found = []
    for operation in plan.operations:
        risks = operation.refused_by(allow)
        if not risks:
            continue
        place = f"{operation.statement.file}:{operation.statement.line}"
        needed = sorted({*allow, *risks})
        risky = [a.says for a in operation.actions if a.risk in risks] or list(operation.says)
        found.append(
            f"{place}: {operation.name}: refused as {', '.join(risks)}: {'; '.join(risky)}. "
            f"Allow it for this run: make schema ALLOW={','.join(needed)} "
            f"(clickhouse_schema_allow: [{', '.join(needed)}])."
        )
    return found


def diff(plan: Plan, live: Catalogue, desired: Catalogue) -> dict[str, str]:
    """Ansible's before and after: the definitions of the objects that change, one clause a line."""
    before, after = [], []
    for operation in plan.operations:
        risk = f"  -- {operation.risk}" if operation.risk != "safe" else ""
        if operation.kind == "seed":
            after.append(f"{operation.name}: {operation.says[0]}{risk}\n")
            continue
        old, new = live.objects.get(operation.name), desired.objects.get(operation.name)
        if operation.kind == "create" and new is None:
            after.append(f"CREATE DATABASE {operation.name}\n")
            continue
        if old:
            before.append(_readable(old))
        if new:
            after.append(_readable(new, risk))
    return {
        "before_header": "live schema",
        "after_header": "declared schema",
        "before": "\n".join(before),
        "after": "\n".join(after),
    }


def _readable(item: CatalogueObject, risk: str = "") -> str:
    parts = item.parts
    lines = [f"{item.kind.replace('_', ' ').upper()} {item.name}{risk}"]
    if item.kind == "table":
        lines += [f"    {column.definition}" for column in parts.columns]
        for group in (parts.indices, parts.projections, parts.constraints):
            lines += [f"    {text}" for text in group.values()]
        arguments = ", ".join(parts.engine_arguments)
        lines.append(f"  ENGINE {parts.engine}({arguments})")
        for word, text in (
            ("PARTITION BY", parts.partition),
            ("PRIMARY KEY", parts.primary),
            ("ORDER BY", parts.sorting),
            ("SAMPLE BY", parts.sampling),
            ("TTL", ", ".join(parts.ttl)),
        ):
            if text:
                lines.append(f"  {word} {text}")
        lines += [f"  SETTING {key} = {value}" for key, value in parts.settings.items()]
    else:
        lines += [f"    {column.name} {column.type}" for column in parts.columns]
        if parts.security:
            lines.append(f"  SQL SECURITY {parts.security}")
        if parts.target:
            lines.append(f"  TO {parts.target}")
        if parts.refresh:
            lines.append(f"  {parts.refresh}")
        lines.append("  AS")
        lines += [f"    {line}" for line in _wrapped(item.select)]
    if item.comment:
        lines.append(f"  COMMENT {item.comment}")
    return "\n".join(lines) + "\n"


def _wrapped(select: str) -> list[str]:
    """The engine prints a select on one line: broken before its main words so that a diff shows the part."""
    words = r" (FROM|LEFT|WHERE|GROUP BY|HAVING|ORDER BY|UNION ALL|SETTINGS|LIMIT)\b"
    return re.sub(words, r"\n\1", select).split("\n")


def summary(operations: Sequence[Operation]) -> list[str]:
    """One line an operation."""
    return [f"{op.kind} {op.name} [{op.risk}]: {'; '.join(op.says)}" for op in operations]
