#!/usr/bin/env python3
"""Put the coverage data of all suites together, report it, and judge it: the second half of `make coverage`.

Writes reports/coverage/coverage.{json,xml} and html/. Exits 1 when any group of code is below 90 % of its lines or
85 % of its branches, and names the files that pull it down.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
REPORTS = REPOSITORY / "reports" / "coverage"
LINES, BRANCHES = 90.0, 85.0


@dataclass
class Group:
    """Lines and branches of one group of files."""

    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def add(self, summary: dict[str, int]) -> None:
        """Count a file's summary, as `coverage json` gives it."""
        self.lines += summary["num_statements"]
        self.lines_run += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.branches_run += summary["covered_branches"]

    @property
    def line_percent(self) -> float:
        return 100 * self.lines_run / self.lines if self.lines else 100.0

    @property
    def branch_percent(self) -> float:
        return 100 * self.branches_run / self.branches if self.branches else 100.0

    @property
    def enough(self) -> bool:
        return self.line_percent >= LINES and self.branch_percent >= BRANCHES


def group_of(path: str) -> str:
    """`integrations/NAME`, `packages/NAME`, `services/NAME`, `roles/NAME`, or the first folder."""
    parts = Path(path).parts
    return "/".join(parts[:2]) if parts[0] in ("integrations", "packages", "roles", "services") else parts[0]


def grouped(report: dict) -> dict[str, Group]:
    """The groups of a `coverage json` report, by name, with `all` last."""
    groups: dict[str, Group] = defaultdict(Group)
    for path, file in sorted(report["files"].items()):
        groups[group_of(path)].add(file["summary"])
    groups["all"] = Group()
    for file in report["files"].values():
        groups["all"].add(file["summary"])
    return dict(groups)


def coverage(*arguments: str) -> None:
    """Run coverage's own command at the repository's root, quietly."""
    subprocess.run(
        [sys.executable, "-m", "coverage", *arguments], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL
    )


def main() -> int:
    os.environ.setdefault("COVERAGE_RCFILE", str(REPOSITORY / "pyproject.toml"))
    os.environ.setdefault("COVERAGE_ROOT", str(REPOSITORY))
    os.environ.setdefault("COVERAGE_FILE", str(REPORTS / "data"))
    coverage("combine", "--quiet")
    coverage("json", "--quiet", "-o", str(REPORTS / "coverage.json"))
    coverage("xml", "--quiet", "-o", str(REPORTS / "coverage.xml"))
    coverage("html", "--quiet", "--directory", str(REPORTS / "html"))
    report = json.loads((REPORTS / "coverage.json").read_text(encoding="utf-8"))
    groups = grouped(report)
    print(f"{'':34} {'lines':>7} {'branches':>9}")
    for name, group in groups.items():
        verdict = "" if group.enough else f"  below {LINES:.0f} % of lines or {BRANCHES:.0f} % of branches"
        print(f"{name:34} {group.line_percent:6.1f} % {group.branch_percent:7.1f} %{verdict}")
    low = [name for name, group in groups.items() if not group.enough]
    for path, file in sorted(report["files"].items(), key=lambda item: -item[1]["summary"]["missing_lines"]):
        summary = file["summary"]
        if group_of(path) in low and summary["missing_lines"] + summary["missing_branches"] > 5:
            print(f"  {path}: {summary['missing_lines']} lines, {summary['missing_branches']} branches not run")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
