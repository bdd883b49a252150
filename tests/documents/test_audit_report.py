"""The audit report's numbers are those of the artifacts, and what left none is said not to have run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY
from tests.sources import ADVERTISING, SOURCES

JUNIT = """<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="40" time="12.4"
timestamp="{at}">{cases}</testsuite></testsuites>"""
SKIPPED = '<testcase classname="tests.a" name="test_{name}"><skipped type="pytest.skip" message="{reason}"/></testcase>'


def summary(lines: int, run: int, branches: int, branches_run: int) -> dict:
    return {
        "summary": {
            "num_statements": lines,
            "covered_lines": run,
            "num_branches": branches,
            "covered_branches": branches_run,
        }
    }


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Artifacts as runs leave them."""

    def write(name: str, content: object) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")

    cases = [("one", "age is missing"), ("two", "no&#10; disk"), ("three", "age is missing")]
    cases_text = "".join(SKIPPED.format(name=name, reason=reason) for name, reason in cases)
    write(f"junit/unit-{ADVERTISING}.xml", JUNIT.format(at="2099-01-01T10:00:00+00:00", cases=cases_text))
    write("junit/schema-test.xml", JUNIT.format(at="2001-01-01T10:00:00+00:00", cases=""))
    write("skipped/actionlint.txt", "it is not installed\n")
    write(
        "coverage/coverage.json",
        {
            "files": {
                f"integrations/{ADVERTISING}/src/a.py": summary(200, 190, 50, 45),
                f"integrations/{ADVERTISING}/src/b.py": summary(100, 50, 0, 0),
                "library/c.py": summary(10, 10, 4, 4),
            }
        },
    )
    write("images.json", {"zakaz-proof/loader:0123": 217_400_000})
    write("sarif/zizmor.sarif", {"runs": [{"results": [{}, {}]}]})
    write("trivy/loader.sarif", {"runs": [{"results": [{}]}]})
    write("pip-audit/loader.json", {"dependencies": [{"name": "a", "vulns": [{}, {}]}, {"name": "b", "vulns": []}]})
    write("bench/schema_apply.json", {"ratios": [{"name": "r", "value": 3.84, "bound": "at most 5", "held": True}]})
    write("sbom/loader.cdx.json", {})
    return tmp_path


def page(reports: Path, tmp_path: Path) -> str:
    output = tmp_path / "REPORT.md"
    script = REPOSITORY / "scripts/write_audit_report.py"
    subprocess.run([sys.executable, script, "--reports", reports, "--output", output], check=True, capture_output=True)
    return output.read_text(encoding="utf-8")


def test_numbers_are_those_of_the_artifacts(reports, tmp_path):
    text, title = page(reports, tmp_path), SOURCES[ADVERTISING]["title"]
    assert "80 tests in 2 suites: 68 passed, 6 failed, 6 skipped" in text
    assert f"| `unit-{ADVERTISING}` | {title} loader | 40 | 34 | 3 | 3 | 12 | 2099-01-01 10:00 |" in text
    assert f"| `integrations/{ADVERTISING}` | 80.0 % | 90.0 % | **below** |" in text
    assert "| `library` | 100.0 % | 100.0 % | enough |" in text
    assert "| `all` | 80.6 % | 90.7 % | **below** |" in text
    assert "| `loader` | 217 |" in text
    assert "| workflows (zizmor) | 2 findings |" in text
    assert "| packages (pip-audit) | 2 known vulnerabilities in 1 locks |" in text
    assert "| images (Trivy) | loader: 1 |" in text
    assert "| `schema_apply` | r | 3.84 | at most 5 | held |" in text
    assert "| bills of materials | 1 |" in text
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert f"Commit: `{head.stdout[:12]}`" in text


def test_what_is_missing_or_old_is_said(reports, tmp_path):
    text = page(reports, tmp_path)
    assert "| `unit-zakaz_common` | what all loaders share | not run |" in text
    assert "2001-01-01 10:00, before this commit" in text
    assert "| Dockerfiles (hadolint) | not run: `make sarif` |" in text
    nothing = page(reports / "junit", tmp_path)
    assert "0 tests in 0 suites: 0 passed, 0 failed, 0 skipped; not run: `unit-repository`" in nothing
    assert "## Skipped\n\nNothing.\n" in nothing
    assert "Not measured: `make coverage`." in nothing


def test_a_skip_is_no_pass(reports, tmp_path):
    section = page(reports, tmp_path).split("## Skipped\n\n", 1)[1].split("\n\n## ", 1)[0]
    assert section.splitlines() == [
        "- `schema-test`: 3 skipped, neither named nor explained by its JUnit file",
        f"- `unit-{ADVERTISING}`: 2 skipped, age is missing: `tests.a.test_one`, `tests.a.test_three`",
        f"- `unit-{ADVERTISING}`: 1 skipped, no disk: `tests.a.test_two`",
        "- `actionlint`: left out, it is not installed",
    ]


def test_limitations_are_those_of_their_file(reports, tmp_path):
    text = page(reports, tmp_path)
    for line in (REPOSITORY / "docs/limitations.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("- ") and "](" not in line:
            assert line in text


def test_it_names_every_suite_that_the_makefile_runs(reports, tmp_path):
    text = page(reports, tmp_path)
    suites = [
        path.parent.name
        for kind in ("integrations", "packages", "services")
        for path in (REPOSITORY / kind).glob("*/tests")
    ]
    for suite in suites:
        assert f"`unit-{suite}`" in text and f"`soak-{suite}`" in text
