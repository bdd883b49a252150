"""`make source` writes what is green at once, beside what is there, or nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import make_source
import pytest

from tests.makefile import REPOSITORY
from tests.sources import ENABLED, SOURCES

KINDS = {"toy_sales": "sales", "toy_ads": "advertising"}
REGISTRY = "roles/zakaz/defaults/main/sources.yml"
# of the repository's own tests those that a source can fail, and of these those that its registration can
WALK_SOURCES = [
    "tests/documents/test_data_model.py",
    "tests/documents/test_documents.py",
    "tests/pipelines/test_image_contents.py",
    "tests/pipelines/test_import_circles.py",
    "tests/pipelines/test_types.py",
    "tests/roles/test_grants.py",
    "tests/roles/test_settings.py",
    "tests/schema/test_every_table_is_written.py",
]
WALK_REGISTERED = [
    "tests/documents/test_role_settings.py",
    "tests/pipelines/test_names_of_sources.py",
    "tests/plugins/test_deployed_secrets.py",
    "tests/roles/test_every_source_reaches.py",
]
# the contract is of both kinds alike: of one all of it, of the other what its own files can break
OF_SALES = "not TestContract or same_answers or cannot_be_read or dry_run or setting or personal_data"


class Copy:
    """This checkout, changes that are not committed included, with the programs of its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=REPOSITORY, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            # this file names the sources that are made
            if (REPOSITORY / name).is_file() and not Path(name).is_symlink() and Path(name).name != Path(__file__).name:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, folder / name)
        (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
        (folder / ".cache").symlink_to(REPOSITORY / ".cache")
        self.run("git", "init", "--quiet")

    def start(self, *command: str | Path, cwd: str = ".", **environment: str) -> subprocess.Popen[str]:
        """A program in the copy; those of the environment first."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.Popen(
            list(map(str, command)), cwd=self.folder / cwd, env={**os.environ, "PATH": path, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *command: str | Path, cwd: str = ".", **environment: str) -> str:
        """What it prints; it has to succeed."""
        return ended(self.start(*command, cwd=cwd, **environment))

    def make_source(self, name: str, kind: str) -> subprocess.Popen[str]:
        """What `make source` runs."""
        return self.start("python", "scripts/make_source.py", name, kind)

    def document(self) -> None:
        """What `make docs` runs."""
        for script in sorted((self.folder / "scripts").glob("document_*.py")):
            self.run("python", script)
        self.run("git", "add", "--all")

    def files(self) -> dict[str, bytes]:
        """Everything in it, by name, but what tools keep."""
        kept = {".git", ".venv", ".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__", "reports"}
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not kept & set(path.relative_to(self.folder).parts)
        }


def ended(process: subprocess.Popen[str]) -> str:
    """What a program that succeeded printed."""
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    return out


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy with a new source of each kind."""
    made = Copy(tmp_path_factory.mktemp("checkout"))
    for name, kind in KINDS.items():
        out = ended(made.make_source(name, kind))
        assert re.search(r"^  integrations/\w+/source\.yml$", out, re.MULTILINE), "it says what it wrote"
        assert f"make unit-{name}" in out and "zakaz_sources" in out, "and what comes next"
    made.document()
    return made


@pytest.fixture
def suites(copy: Copy) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """The suites of both, at work."""
    options = ["-q", "-m", "not slow", "-p", "no:cacheprovider"]
    started = {
        kind: copy.start("python", "-m", "pytest", *options, "-k", which, cwd=f"integrations/{name}")
        for (name, kind), which in zip(KINDS.items(), [OF_SALES, ""], strict=True)
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


@pytest.mark.patient
def test_linters_find_nothing_in_it(copy: Copy) -> None:
    copy.run("ruff", "check", ".")
    copy.run("ruff", "format", "--check", ".")
    copy.run("yamllint", "--strict", ".")
    copy.run("hadolint", *(f"integrations/{name}/Dockerfile" for name in KINDS))
    if (REPOSITORY / ".mypy_cache").exists():
        shutil.copytree(REPOSITORY / ".mypy_cache", copy.folder / ".mypy_cache")
    sources = [f"integrations/{name}/src" for name in KINDS]
    vendors = [f"services/api_sandbox/src/api_sandbox/{name}" for name in KINDS]
    copy.run("mypy", *sources, *vendors, MYPYPATH=":".join(sources))


@pytest.mark.patient
def test_its_own_suite_passes(suites: dict[str, subprocess.Popen[str]]) -> None:
    for kind, least in (("sales", 15), ("advertising", 40)):
        passed = re.search(r"^(\d+) passed", ended(suites[kind]), re.MULTILINE)
        assert passed and int(passed[1]) > least, kind


@pytest.mark.patient
def test_the_schema_and_what_walks_all_sources_hold_before_and_after_it_is_registered(copy: Copy) -> None:
    pytest_ = ["python", "-m", "pytest", "-q", "-m", "not slow and not patient", "-p", "no:cacheprovider"]
    assert "Schema validation passed." in copy.run("python", "scripts/validate_clickhouse_schema.py")
    copy.run(*pytest_, *WALK_SOURCES, *WALK_REGISTERED)
    registry = copy.folder / REGISTRY
    text = registry.read_text(encoding="utf-8")
    registry.write_text(text.replace(f"{ENABLED[-1]}]", f"{', '.join([ENABLED[-1], *KINDS])}]"), encoding="utf-8")
    copy.document()
    copy.run(*pytest_, *WALK_REGISTERED)
    variables = json.loads(copy.run("ansible-inventory", "-i", "inventories/local", "--host", "localhost"))
    for name in KINDS:
        assert variables[f"{name}_base_url"].startswith(
            f"{{{{ 'http://api-sandbox:8080/api/{name}' if api_sandbox_enabled"
        )
        assert variables["zakaz_source_catalogue"][name]["clickhouse_user"]["name"] == f"loader_{name}"


def test_every_loader_has_the_files_that_a_new_one_gets() -> None:
    template = REPOSITORY / "templates/source/integrations/NAME/src/NAME"
    skeleton = {path.name.removesuffix(".j2") for path in template.glob("*.py.j2")}
    assert {"client.py", "load.py", "sink.py"} <= skeleton
    for name in SOURCES:
        files = {path.name for path in (REPOSITORY / f"integrations/{name}/src/{name}").glob("*.py")}
        # what only advertising must fill
        assert skeleton - {"mart.py"} <= files, name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "name the source: make source NAME=box_office"),
        ("Box", "lower-case Latin letters"),
        ("box-office", "lower-case Latin letters"),
        ("касса", "lower-case Latin letters"),
        ("2gis", "lower-case Latin letters"),
        ("box__office", "lower-case Latin letters"),
        ("../x", "lower-case Latin letters"),
        ("import", "lower-case Latin letters"),
        (ENABLED[0], f"integrations/{ENABLED[0]} is there already"),
        ("watch", "roles/watch has that name"),
        ("zakaz_schema", "module_utils/zakaz_schema has that name"),
        ("zakaz_common", "packages/zakaz_common/src/zakaz_common has that name"),
        ("season", "services/api_sandbox/src/api_sandbox/season has that name"),
        ("json", "a Python package json exists"),
        ("httpx2", "a Python package httpx2 exists"),
        ("bi", "a role has variables that begin with clickhouse_bi_"),
        ("api", "a role has variables that begin with api_"),
    ],
)
def test_a_name_that_is_none_is_refused_with_a_sentence(name: str, sentence: str) -> None:
    assert sentence in make_source.problem(name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("box", "would begin with BOX_, those of other with BOX_OFFICE_"),
        ("box_office_two", "would begin with BOX_OFFICE_TWO_, those of other with BOX_OFFICE_"),
        ("tills", "loader_tills is the ClickHouse user of other"),
        ("left", "templates/ddl/130_zakaz.stg_left_sales.sql.j2 has that name"),
        ("boxing", ""),
    ],
)
def test_what_would_be_mixed_up_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    other = {"environment_prefix": "BOX_OFFICE_", "clickhouse": {"user": "loader_tills"}}
    monkeypatch.setattr(make_source, "read_sources", lambda _: {"other": other})
    monkeypatch.setattr(make_source, "REPOSITORY", tmp_path)
    (tmp_path / "templates/ddl").mkdir(parents=True)
    (tmp_path / "templates/ddl/130_zakaz.stg_left_sales.sql.j2").touch()
    said = make_source.problem(name)
    assert sentence in said and bool(said) == bool(sentence)


def test_what_is_there_is_never_written_over(copy: Copy) -> None:
    before = copy.files()
    for name, kind in (("toy_ads", "sales"), ("toy_ads_more", "sales"), ("box_office", "both"), ("Box", "sales")):
        process = copy.make_source(name, kind)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 2
        assert (
            out.startswith(f"make source: {name}: ") and out.endswith("Nothing was written.\n") and "\n" not in out[:-1]
        )
    assert copy.files() == before


@pytest.mark.parametrize("at", ["open", "ruff"])
def test_a_failure_takes_back_what_was_written(copy: Copy, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    monkeypatch.setattr(make_source, "REPOSITORY", copy.folder)
    known = make_source.words("box_office", "sales")
    before = copy.files()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if at == "ruff":
        monkeypatch.setattr(make_source.subprocess, "run", fail)
    else:
        (copy.folder / "templates/ddl/130_zakaz.stg_box_office_sales.sql.j2").touch()
        before = copy.files()
        known["number"] = 130
    with pytest.raises(OSError):
        make_source.write(known)
    assert copy.files() == before
    assert not (copy.folder / "integrations/box_office").exists()
