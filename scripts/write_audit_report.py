#!/usr/bin/env python3
"""Write ZAKAZ_DASHBOARD_AUDIT_REPORT.md from what runs left in reports/; it runs no check itself.

What left no artifact is "not run"; what is older than the commit is marked. Known limitations come from
docs/limitations.md.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "scripts"), str(REPOSITORY / "module_utils")]

from report_coverage import BRANCHES, LINES, grouped  # noqa: E402
from source_file import read_sources  # noqa: E402

TITLES = {name: source["title"] for name, source in read_sources(REPOSITORY).items()}
# what is expected to have run: suite of reports/junit → what it proves
SUITES = {
    "unit-repository": "modules, schema, plugins, roles, pipelines, documents",
    "unit-zakaz_common": "what all loaders share",
    **{f"unit-{name}": f"{title} loader" for name, title in TITLES.items()},
    "unit-api_sandbox": "simulator of the APIs",
    "unit-clickhouse_embedded": "embedded ClickHouse",
    "schema-test": "schema on every supported engine",
    "server-test": "bootstrap twice, no drift",
    "deploy-test": "deployment on a host, twice, healed after faults",
    "docs-test": "the documents' commands on a clean clone",
    "soak-zakaz_common": "long tests of what all loaders share",
    **{f"soak-{name}": f"kill -9 rounds and fault matrix, {title}" for name, title in TITLES.items()},
    "soak-api_sandbox": "long tests of the simulator",
    "soak-clickhouse_embedded": "kill -9 rounds, malformed requests, large volumes",
}


@dataclass(frozen=True)
class Suite:
    """One JUnit file."""

    name: str
    tests: int
    failed: int
    skipped: int
    seconds: float
    at: datetime
    # names of the tests that were skipped, by reason
    reasons: dict[str, list[str]]

    @property
    def passed(self) -> int:
        return self.tests - self.failed - self.skipped


def suites(folder: Path) -> dict[str, Suite]:
    """JUnit results by suite."""
    found = {}
    for path in sorted(folder.glob("*.xml")):
        root = ET.parse(path).getroot()  # noqa: S314 - our own suites wrote it
        cases = list(root.iter("testsuite"))
        total = {
            key: sum(int(case.get(key, 0)) for case in cases) for key in ("tests", "failures", "errors", "skipped")
        }
        seconds = sum(float(case.get("time", 0)) for case in cases)
        stamp = cases[0].get("timestamp") if cases else None
        at = datetime.fromisoformat(stamp) if stamp else None
        found[path.stem] = Suite(
            path.stem,
            total["tests"],
            total["failures"] + total["errors"],
            total["skipped"],
            seconds,
            (at or datetime.fromtimestamp(path.stat().st_mtime, UTC)).astimezone(UTC),
            skips(root),
        )
    return found


def skips(root: ET.Element) -> dict[str, list[str]]:
    """Skipped tests of a JUnit file by reason, in its order."""
    found: dict[str, list[str]] = {}
    for case in root.iter("testcase"):
        for skip in case.iter("skipped"):
            reason = " ".join((skip.get("message") or skip.text or "no reason given").split())
            found.setdefault(reason, []).append(f"{case.get('classname', '')}.{case.get('name', '')}".strip("."))
    return found


def when(at: datetime, commit: datetime) -> str:
    """A time for the table; a result of an older commit says so."""
    return f"{at:%Y-%m-%d %H:%M}" + ("" if at >= commit else ", before this commit")


def tests_section(found: dict[str, Suite], commit: datetime) -> list[str]:
    lines = [
        "| suite | proves | tests | passed | failed | skipped | seconds | UTC |",
        "|---|---|---|---|---|---|---|---|",
    ]
    words = {**SUITES, **{name: "Molecule scenario" for name in found if name.startswith("molecule-")}}
    for name in [*words, *(name for name in found if name not in words)]:
        if name in found:
            suite = found[name]
            counts = f"{suite.tests} | {suite.passed} | {suite.failed} | {suite.skipped} | {suite.seconds:.0f}"
            lines.append(f"| `{name}` | {words.get(name, '')} | {counts} | {when(suite.at, commit)} |")
        else:
            lines.append(f"| `{name}` | {words[name]} | not run | | | | | |")
    if not any(name.startswith("molecule-") for name in found):
        lines.append("| `molecule` | fresh servers with systemd | not run | | | | | |")
    return lines


def skipped_section(found: dict[str, Suite], folder: Path) -> list[str]:
    """What did not run within what ran: tests that were skipped, and checks that left themselves out."""
    lines = []
    for suite in found.values():
        for reason, names in suite.reasons.items():
            lines.append(
                f"- `{suite.name}`: {len(names)} skipped, {reason}: {', '.join(f'`{name}`' for name in names)}"
            )
        unnamed = suite.skipped - sum(map(len, suite.reasons.values()))
        if unnamed:
            lines.append(f"- `{suite.name}`: {unnamed} skipped, neither named nor explained by its JUnit file")
    for path in sorted(folder.glob("*.txt")):
        lines.append(f"- `{path.stem}`: left out, {path.read_text(encoding='utf-8').strip()}")
    return lines or ["Nothing."]


def coverage_section(path: Path) -> list[str]:
    if not path.exists():
        return ["Not measured: `make coverage`."]
    lines = [f"Asked for: {LINES:.0f} % of lines, {BRANCHES:.0f} % of branches.", ""]
    lines += ["| code | lines | branches | |", "|---|---|---|---|"]
    for name, group in grouped(json.loads(path.read_text(encoding="utf-8"))).items():
        verdict = "enough" if group.enough else "**below**"
        lines.append(f"| `{name}` | {group.line_percent:.1f} % | {group.branch_percent:.1f} % | {verdict} |")
    return lines


def images_section(path: Path) -> list[str]:
    if not path.exists():
        return ["Not built for this report: `make images`."]
    lines = ["| image | MB |", "|---|---|"]
    for name, size in sorted(json.loads(path.read_text(encoding="utf-8")).items()):
        lines.append(f"| `{name.split(':')[0].split('/')[-1]}` | {size / 1e6:.0f} |")
    return lines


def findings(path: Path) -> int:
    """Results in a SARIF file."""
    return sum(len(run.get("results", [])) for run in json.loads(path.read_text(encoding="utf-8"))["runs"])


def scans_section(reports: Path) -> list[str]:
    lines = ["| scan | result |", "|---|---|"]
    for name, words in (
        ("hadolint", "Dockerfiles (hadolint)"),
        ("zizmor", "workflows (zizmor)"),
        ("ruff", "Python (ruff)"),
        ("schema", "schema's templates"),
    ):
        path = reports / "sarif" / f"{name}.sarif"
        lines.append(f"| {words} | {f'{findings(path)} findings' if path.exists() else 'not run: `make sarif`'} |")
    secrets = reports / "secrets.txt"
    lines.append(f"| secrets | {secrets.read_text().strip() if secrets.exists() else 'not run: `make scan-secrets`'} |")
    audits = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((reports / "pip-audit").glob("*.json"))]
    known = sum(len(package.get("vulns", [])) for audit in audits for package in audit["dependencies"])
    done = f"{known} known vulnerabilities in {len(audits)} locks" if audits else "not run: `make audit-dependencies`"
    lines.append(f"| packages (pip-audit) | {done} |")
    scanned = sorted((reports / "trivy").glob("*.sarif"))
    done = ", ".join(f"{path.stem}: {findings(path)}" for path in scanned) or "not run: `make scan-images`"
    lines.append(f"| images (Trivy) | {done} |")
    boms = [*(reports / "sbom").glob("*.cdx.json"), *(reports / "trivy").glob("*.cdx.json")]
    lines.append(f"| bills of materials | {len(boms) or 'none: `make sbom`'} |")
    return lines


def bench_section(folder: Path) -> list[str]:
    files = sorted(folder.glob("*.json"))
    if not files:
        return ["Not run: `make bench`. Earlier measurements: [docs/benchmarks.md](docs/benchmarks.md)."]
    lines = ["| benchmark | ratio | measured | bound | |", "|---|---|---|---|---|"]
    for path in files:
        for ratio in json.loads(path.read_text(encoding="utf-8"))["ratios"]:
            verdict = "held" if ratio["held"] else "**broken**"
            lines.append(f"| `{path.stem}` | {ratio['name']} | {ratio['value']:.2f} | {ratio['bound']} | {verdict} |")
    return lines


def versions_section() -> list[str]:
    versions = yaml.safe_load((REPOSITORY / "roles/zakaz/defaults/main/versions.yml").read_text(encoding="utf-8"))
    controller = (REPOSITORY / "requirements/controller.txt").read_text(encoding="utf-8")
    ansible = re.search(r"^ansible-core==(\S+)", controller, flags=re.MULTILINE)
    rows = {
        "ClickHouse server (production)": versions["zakaz_version_clickhouse_server"],
        "engine of the embedded image": versions["zakaz_version_embedded_engine"],
        "base image": versions["zakaz_version_debian_image"],
        "ansible-core": ansible[1] if ansible else "?",
        "Python of this run": sys.version.split()[0],
    }
    return ["| what | version |", "|---|---|", *(f"| {name} | {version} |" for name, version in rows.items())]


def limitations() -> list[str]:
    """The list of docs/limitations.md, its links from the root."""
    text = (REPOSITORY / "docs/limitations.md").read_text(encoding="utf-8")
    body = text.split("\n## ", 1)[1]
    body = re.sub(r"\]\((?!\.\./|[a-z]+:|#)", "](docs/", body).replace("](../", "](")
    return ("### " + body.replace("\n## ", "\n### ")).strip().split("\n")


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.strip()


def report(reports: Path) -> str:
    """The whole page."""
    commit = datetime.fromisoformat(git("log", "-1", "--format=%cI")).astimezone(UTC)
    found = suites(reports / "junit")
    failed = sum(suite.failed for suite in found.values())
    passed, skipped = (sum(getattr(suite, name) for suite in found.values()) for name in ("passed", "skipped"))
    missing = [name for name in SUITES if name not in found]
    tests = sum(suite.tests for suite in found.values())
    verdict = f"{tests} tests in {len(found)} suites: {passed} passed, {failed} failed, {skipped} skipped"
    lines = [
        "# Audit report",
        "",
        "Written by `make audit` from what runs left in `reports/`; do not edit. What each command does:",
        "[CONTRIBUTING.md](CONTRIBUTING.md).",
        "",
        f"- Commit: `{git('rev-parse', '--short=12', 'HEAD')}` of {commit:%Y-%m-%d}",
        f"- Result: {verdict}" + (f"; not run: {', '.join(f'`{name}`' for name in missing)}" if missing else ""),
        "",
        "## Tests",
        "",
        *tests_section(found, commit),
        "",
        "## Skipped",
        "",
        *skipped_section(found, reports / "skipped"),
        "",
        "## Coverage",
        "",
        *coverage_section(reports / "coverage/coverage.json"),
        "",
        "## Images",
        "",
        *images_section(reports / "images.json"),
        "",
        "## Scans",
        "",
        *scans_section(reports),
        "",
        "## Benchmarks",
        "",
        *bench_section(reports / "bench"),
        "",
        "## Versions",
        "",
        *versions_section(),
        "",
        "## Known limitations",
        "",
        *limitations(),
    ]
    return "\n".join(lines) + "\n"


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--reports", type=Path, default=REPOSITORY / "reports", help="folder of the artifacts (reports)"
    )
    parser.add_argument("--output", type=Path, default=REPOSITORY / "ZAKAZ_DASHBOARD_AUDIT_REPORT.md", help="the page")
    options = parser.parse_args(given)
    options.output.write_text(report(options.reports), encoding="utf-8")
    print(f"{options.output.name} is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
