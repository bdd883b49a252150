"""A damaged Python environment is noticed, whatever happened to it, and made anew."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.modules.run_module import run_module


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """An environment with one package."""
    folder = tmp_path_factory.mktemp("made")
    wheel = folder / "probe-1-py3-none-any.whl"
    described = "probe-1.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        for name, text in {
            "probe/__init__.py": "number = 1\n", "probe/__main__.py": "print(1)\n", "probe/py.typed": "partial\n",
            f"{described}/METADATA": "Metadata-Version: 2.1\nName: probe\nVersion: 1\n",
            f"{described}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{described}/RECORD": "",
        }.items():  # fmt: skip
            file.writestr(name, text)
    sha = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "requirements.txt").write_text(f"{wheel.as_uri()} --hash=sha256:{sha}\n")
    done = present(folder / "python")
    assert done["changed"], done
    return folder


def present(environment, **options):
    return run_module(
        "python_environment", path=str(environment), state="present", executable=sys.executable,
        requirements=str(environment.parent / "requirements.txt"), **options,
    )  # fmt: skip


@pytest.fixture
def environment(made, tmp_path) -> Path:
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / "python"


def libraries(environment: Path) -> Path:
    (found,) = environment.glob("lib/python3.*/site-packages")
    return found


def another_version(environment: Path) -> None:
    """What a link to /usr/bin/python3 leads to after an upgrade of the system."""
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").write_text("#!/bin/sh\necho /nowhere/lib/python3.99/site-packages\n")
    (environment / "bin" / "python").chmod(0o755)


def dangling(environment: Path) -> None:
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").symlink_to("/usr/bin/python3.99")


def broken(environment: Path) -> None:
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").symlink_to("/bin/false")


def move(environment: Path) -> None:
    file = libraries(environment) / "probe" / "__init__.py"
    file.rename(file.with_name("another.py"))


DAMAGES = {
    "no interpreter": lambda e: (e / "bin" / "python").unlink(),
    "no programs": lambda e: shutil.rmtree(e / "bin"),
    "a link that leads nowhere": dangling,
    "another version": another_version,
    "an interpreter that fails": broken,
    "no file": lambda e: (libraries(e) / "probe" / "__init__.py").unlink(),
    "an emptied file": lambda e: (libraries(e) / "probe" / "__main__.py").write_text(""),
    "a changed file of the same size": lambda e: (libraries(e) / "probe" / "py.typed").write_text("Partial\n"),
    "a moved file": move,
    "no package": lambda e: shutil.rmtree(libraries(e) / "probe"),
    "half deleted": lambda e: shutil.rmtree(e / "lib"),
    "no settings": lambda e: (e / "pyvenv.cfg").unlink(),
    "other settings": lambda e: (e / "pyvenv.cfg").write_text("home = /nowhere\n"),
    "a marker of an earlier version": lambda e: (e / "complete").write_text(""),
    "no marker": lambda e: (e / "complete").unlink(),
    "all of it": shutil.rmtree,
}  # fmt: skip


@pytest.mark.parametrize("damaged", DAMAGES)
def test_damage_is_noticed(environment, damaged):
    DAMAGES[damaged](environment)
    proved = run_module("python_environment", path=str(environment))
    assert proved["damage"]
    assert proved["there"] is (damaged != "all of it")
    assert proved["changed"] is False


@pytest.mark.parametrize("damaged", ["no interpreter", "no package", "all of it"])
def test_a_damaged_one_is_made_anew_once(environment, damaged):
    DAMAGES[damaged](environment)
    assert present(environment, check=True)["changed"]
    done = present(environment)
    assert done["changed"] and done["damage"]
    assert present(environment)["changed"] is False
    assert subprocess.run([environment / "bin" / "python", "-c", "import probe"], check=False).returncode == 0
    assert [path.name for path in environment.parent.glob("python*")] == ["python"]


def test_what_the_interpreter_writes_itself_is_no_damage_and_the_proof_is_quick(environment):
    subprocess.run([environment / "bin" / "python", "-m", "compileall", "-q", environment / "lib"], check=True)
    for cache in environment.glob("lib/**/__pycache__/*"):
        cache.write_bytes(b"")
    started = time.monotonic()
    assert run_module("python_environment", path=str(environment))["damage"] == ""
    assert time.monotonic() - started < 5


def test_a_package_index_that_fails_leaves_what_was_there(environment):
    (environment.parent / "requirements.txt").write_text("no-such-package-here==1 --hash=sha256:00\n")
    (environment / "complete").write_text("")
    failed = present(environment)
    assert failed["failed"]
    assert "cannot be installed" in failed["msg"]
    assert (environment / "bin" / "python").exists()
