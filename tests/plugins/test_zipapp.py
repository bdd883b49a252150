"""Programs of the hosts, packed: the same bytes for the same content, and Python runs them and imports from them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lookup.zipapp import pack


@pytest.fixture
def program(tmp_path: Path) -> Path:
    package = tmp_path / "source" / "greeting"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys\nfrom words import WORD\nprint(WORD, *sys.argv[1:])\n")
    (tmp_path / "source" / "words.py").write_text("WORD = 'hello'\n")
    return tmp_path / "source"


def output(*command: object) -> str:
    done = subprocess.run([sys.executable, "-I", *map(str, command)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_python_runs_it(program, tmp_path):
    archive = tmp_path / "greeting.pyz"
    archive.write_bytes(pack([program / "greeting", program / "words.py"], "greeting"))
    assert output(archive, "world") == "hello world"


def test_python_imports_from_it(program, tmp_path):
    archive = tmp_path / "greeting.zip"
    archive.write_bytes(pack([program / "words.py"]))
    assert output("-c", f"import sys; sys.path.insert(0, {str(archive)!r}); import words; print(words.WORD)") == "hello"


def test_only_content_decides(program):
    first = pack([program / "greeting", program / "words.py"], "greeting")
    os.utime(program / "words.py", (0, 10**9))
    (program / "greeting" / "__pycache__").mkdir()
    (program / "greeting" / "__pycache__" / "x.pyc").touch()
    assert pack([program / "words.py", program / "greeting"], "greeting") == first
    (program / "words.py").write_text("WORD = 'good day'\n")
    assert pack([program / "greeting", program / "words.py"], "greeting") != first


def test_what_is_missing_is_named(program):
    with pytest.raises(FileNotFoundError, match="nothing"):
        pack([program / "nothing"])
