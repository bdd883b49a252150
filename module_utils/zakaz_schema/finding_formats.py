"""Findings as text, JSON, SARIF and GitHub annotations."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .findings import RULES, Finding

PASSED = "Schema validation passed."


def as_text(findings: Sequence[Finding], prefix: str = "") -> str:
    """One line a finding, and the verdict."""
    lines = [f"{prefix}{finding}" for finding in findings]
    count = len(findings)
    return "\n".join([*lines, PASSED if not count else f"Schema validation failed: {count} finding{'s'[: count > 1]}."])


def as_json(findings: Sequence[Finding], prefix: str = "") -> str:
    """{"passed", "findings"}."""
    items = [{**item.as_dict(), "file": f"{prefix}{item.file}"} for item in findings]
    return json.dumps({"passed": not findings, "findings": items}, ensure_ascii=False, indent=2)


def as_sarif(findings: Sequence[Finding], prefix: str = "") -> str:
    """SARIF 2.1.0, as code scanning services read it."""
    rules = [{"id": rule, "shortDescription": {"text": RULES[rule]}} for rule in RULES]
    results = [
        {
            "ruleId": item.rule,
            "level": "error",
            "message": {"text": f"{item.name + ': ' if item.name else ''}{item.message}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": f"{prefix}{item.file}"},
                        "region": {"startLine": max(item.line, 1)},
                    }
                }
            ],
        }
        for item in findings
    ]
    driver = {"name": "validate_clickhouse_schema", "rules": rules}
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def as_github(findings: Sequence[Finding], prefix: str = "") -> str:
    """Workflow commands that annotate the changed lines, and the verdict."""

    def escaped(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    lines = []
    for item in findings:
        text = escaped(f"{item.name + ': ' if item.name else ''}{item.message}")
        lines.append(f"::error file={prefix}{item.file},line={max(item.line, 1)},title={item.rule}::{text}")
    return "\n".join([*lines, as_text(findings).splitlines()[-1]])


FORMATS = {"text": as_text, "json": as_json, "sarif": as_sarif, "github": as_github}
