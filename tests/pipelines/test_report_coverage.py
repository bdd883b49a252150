"""make coverage judges each group of code by itself, the roles' programs and the scripts among them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import report_coverage

from tests.makefile import REPOSITORY

# ten statements and four branches, of which seven and two run by themselves
CODE = """import sys
def whole(n):
    if n:
        n += 1
    return n
def left():
    if sys.flags.debug:
        return 1
    return 2
whole(0), whole(1)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a role's program and a script that were measured."""
    for name in [name for name in report_coverage.os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)
    reports = tmp_path / "reports/coverage"
    reports.mkdir(parents=True)
    monkeypatch.setattr(report_coverage, "REPOSITORY", tmp_path)
    monkeypatch.setattr(report_coverage, "REPORTS", reports)
    monkeypatch.setenv("COVERAGE_RCFILE", str(REPOSITORY / "pyproject.toml"))
    monkeypatch.setenv("COVERAGE_ROOT", str(tmp_path))
    monkeypatch.setenv("COVERAGE_FILE", str(reports / "data"))
    return tmp_path


def measure(project: Path) -> None:
    for name, text in (("roles/backup/files/kept.py", CODE + "left()\n"), ("scripts/x.py", CODE)):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
        command = [sys.executable, "-W", "ignore", "-m", "coverage", "run", name]
        subprocess.run(command, cwd=project, check=True, capture_output=True)


def test_what_is_not_run_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "library").mkdir()
    (project / "library/never.py").write_text(CODE)
    measure(project)
    assert report_coverage.main() == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = {line[0]: line[1:] for line in lines[1:]}
    assert shown["library"][:4] == ["0.0", "%", "0.0", "%"]
    assert shown["scripts"][0] == "70.0" and "below" in shown["scripts"]
    assert "below" in shown["all"]
    assert shown["library/never.py:"][0] == "10"
    for name in ("coverage.json", "coverage.xml", "html/index.html"):
        assert (project / "reports/coverage" / name).is_file()


@pytest.mark.parametrize(("branches", "code"), [(50.0, 0), (51.0, 1)])
def test_enough_in_every_group_is_enough(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], branches: float, code: int
) -> None:
    measure(project)
    monkeypatch.setattr(report_coverage, "LINES", 70.0)
    monkeypatch.setattr(report_coverage, "BRANCHES", branches)
    assert report_coverage.main() == code
    assert ("below" in capsys.readouterr().out) is bool(code)


def test_groups_are_what_has_one_owner() -> None:
    groups = {
        "roles/watch/files/zakaz_watch/judge.py": "roles/watch",
        "integrations/shop/src/a.py": "integrations/shop",
    }
    assert {path: report_coverage.group_of(path) for path in groups} == groups
    assert report_coverage.group_of("scripts/a.py") == "scripts"
