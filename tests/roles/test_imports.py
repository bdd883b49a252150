"""The verbs that import: what an operator types and reads, and what the loader is shown. The loader's command is a
stand-in, that runs the loader itself where nothing but its explanation is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY
from tests.roles.environment import make_environment
from tests.sources import ENABLED, SOURCES, unit_of

pytestmark = pytest.mark.patient

# the source whose loader takes the files that people bring
SOURCE = next(name for name in ENABLED if SOURCES[name]["imports"])
COMMAND_NAME = unit_of(SOURCE)
PLAN = 'month,city,tickets,revenue\n2026-11,Орёл,1,"1,500"\nИтого,,1,"1,500"\n'
DONE = {
    "event": "run_finished", "rows_read": 3, "rows_written": 2, "months": ["2026-11"],
    "rows_left_out": {"plan.csv": {"a total": 1}}, "cities_unknown": 1,
}  # fmt: skip
COMMAND = """#!/bin/sh
printf '%s\\n' "$@" > {folder}/arguments
(cd "$3" 2>/dev/null || cd "$(dirname "$3")"; ls -A; stat -c %a . ./*; stat -c %a ..) > {folder}/seen
case "$*" in
    *--explain*) PYTHONPATH={sources} exec {python} -m {source} "$@" ;;
esac
cat {folder}/answer
exit "$(cat {folder}/code)"
"""


class Host:
    """A host with a deployment in name only, and the machine that make runs on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.deployment = folder, folder / "host"
        make_environment(self.deployment / "python")
        sources = ":".join(
            str(REPOSITORY / part)
            for part in ("packages/zakaz_common/src", f"integrations/{SOURCE}/src", "module_utils")
        )
        command = self.deployment / COMMAND_NAME
        command.write_text(COMMAND.format(folder=folder, sources=sources, source=SOURCE, python=sys.executable))
        command.chmod(0o755)
        self.answers(DONE, 0)
        inventory = folder / "inventory"
        inventory.mkdir()
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        variables = {"zakaz_dir": str(self.deployment), "target_python_current": str(self.deployment / "python")}
        (inventory / "hosts.yml").write_text(
            json.dumps({"zakaz": {"hosts": {"localhost": host}, "vars": variables}}), encoding="utf-8"
        )
        self.inventory = os.path.relpath(inventory, REPOSITORY / "inventories")

    def answers(self, line: dict, code: int) -> None:
        """What the loader will say, and end with."""
        (self.folder / "answer").write_text(json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8")
        (self.folder / "code").write_text(str(code))

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a verb."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MAKE"))}
        return subprocess.run(
            ["make", "--no-print-directory", f"INVENTORY={self.inventory}", *words],
            cwd=REPOSITORY, env={**environment, "NO_COLOR": "1"}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def told(self, name: str) -> list[str]:
        """Lines the stand-in left: its arguments, or what it saw in the folder."""
        return (self.folder / name).read_text(encoding="utf-8").splitlines()

    def is_untouched(self) -> bool:
        """No copy is left, and the loader was not asked."""
        return not list(self.deployment.glob("import-*")) and not (self.folder / "arguments").exists()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "my plan, it's.csv"
    path.write_text(PLAN, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["import-plan"], "Name the CSV file: make import-plan FILE=…"),
        (["import-city-aliases", "DIR=docs"], "Name the CSV file: make import-city-aliases FILE=…"),
        (["import-sheets"], "Name the folder with events.csv, inventory.csv, sales.csv: make import-sheets DIR=…"),
        (["import-sheets", "DIR=/no where"], "/no where does not exist: name the folder with events.csv"),
        (["import-sheets", "DIR=README.md"], f"{REPOSITORY}/README.md is a file, a folder was expected"),
        (["import-plan", "FILE=docs"], f"{REPOSITORY}/docs is a folder, a file was expected"),
        (["import-plan", "FILE=README.md", "DECIMAL=dot"], "DECIMAL=dot is no decimal sign: say point or comma"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(host, words, sentence):
    done = host.make(*words)
    assert done.returncode != 0
    assert sentence in done.stdout
    assert host.is_untouched()


def test_a_file_is_shown_as_a_private_copy_that_does_not_stay(host, plan):
    done = host.make("import-plan", f"FILE={plan}")
    assert done.returncode == 0, done.stdout
    verb, option, path = host.told("arguments")
    assert (verb, option) == ("import-plan", "--file")
    assert Path(path).name == plan.name
    assert Path(path).is_relative_to(host.deployment)
    # the copy can be read by the container's user, the folder around it entered by nobody else
    assert host.told("seen") == [plan.name, "755", "644", "700"]
    assert not list(host.deployment.glob("import-*"))
    assert (
        "import-plan: 3 rows read, 2 new, changed or removed; months 2026-11; cities without an event or an alias: 1; "
        "plan.csv: left out 1 (a total)." in done.stdout
    )
    assert "changed=1" in done.stdout


def test_a_second_import_changes_nothing(host, plan):
    host.answers({**DONE, "rows_written": 0}, 0)
    done = host.make("import-city-aliases", f"FILE={plan}")
    assert "0 new, changed or removed: the warehouse holds just this already" in done.stdout
    assert "changed=0" in done.stdout


def test_only_the_sheets_of_a_folder_are_taken_along(host, tmp_path):
    folder = tmp_path / "sheets"
    folder.mkdir()
    for name in ("sales.csv", "buyers.csv", "events.csv"):
        (folder / name).write_text("x")
    assert host.make("import-sheets", f"DIR={folder}", "DECIMAL=comma").returncode == 0
    assert host.told("arguments")[:2] == ["import-sheets", "--dir"]
    assert host.told("arguments")[3:] == ["--decimal", "comma"]
    assert host.told("seen")[:2] == ["events.csv", "sales.csv"]


def test_the_loaders_own_sentence_and_exit_code_are_told_and_the_copy_goes(host, plan):
    host.answers({"event": "run_failed", "error": "nothing was imported: plan.csv, row 2: …"}, 65)
    done = host.make("import-plan", f"FILE={plan}")
    assert done.returncode != 0
    assert "import-plan ended with exit code 65: nothing was imported: plan.csv, row 2: …" in done.stdout
    assert not list(host.deployment.glob("import-*"))


def test_explain_tells_what_the_loader_would_read(host, plan):
    done = host.make("import-plan", f"FILE={plan}", "EXPLAIN=1", "DECIMAL=point")
    assert done.returncode == 0, done.stdout
    assert host.told("arguments")[3:] == ["--explain", "--decimal", "point"]
    assert 'revenue: heading "revenue", amount, thousands comma, 1 cell, first 1500.00, last 1500.00' in done.stdout
    assert "left out, a total: 1 row (3)" in done.stdout
    assert "changed=0" in done.stdout


def test_explain_fails_as_the_import_would(host, plan):
    done = host.make("import-plan", f"FILE={plan}", "EXPLAIN=1")
    assert done.returncode != 0
    assert "WRONG my plan, it's.csv, row 2, column revenue: 1,500 is 1.50 or 1500" in done.stdout
    assert "import-plan ended with exit code 65: nothing was imported: my plan, it's.csv, row 2" in done.stdout


def test_a_host_without_the_loader_says_what_installs_it(host, plan):
    (host.deployment / COMMAND_NAME).unlink()
    done = host.make("import-plan", f"FILE={plan}")
    assert done.returncode != 0
    assert f"{COMMAND_NAME} does not exist on localhost: make deploy installs it." in done.stdout


def test_a_check_imports_nothing(host, plan):
    done = host.make("import-plan", f"FILE={plan}", "ARGS=--check")
    assert done.returncode == 0, done.stdout
    assert host.is_untouched()
