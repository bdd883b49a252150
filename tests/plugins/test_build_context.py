"""The digest of a build context decides whether an image is built again."""

from __future__ import annotations

import io
import os
import tarfile

import pytest
from lookup.build_context import context_files, pack


@pytest.fixture
def repository(tmp_path):
    source = tmp_path / "app" / "src"
    source.mkdir(parents=True)
    (source / "main.py").write_text("print(1)\n")
    (tmp_path / "app" / "Dockerfile").write_text("FROM base\n")
    (tmp_path / "lock.txt").write_text("a==1\n")
    return tmp_path


def packed(root):
    return pack(root, context_files(root, ["app", "lock.txt"]))


def test_same_content_gives_the_same_archive_whatever_the_clock_and_owner_say(repository):
    before = packed(repository)
    os.utime(repository / "app" / "src" / "main.py", (1, 1))
    assert packed(repository) == before


@pytest.mark.parametrize("path", ["app/src/main.py", "lock.txt"])
def test_another_content_gives_another_archive(repository, path):
    before = packed(repository)
    (repository / path).write_text("changed\n")
    assert packed(repository) != before


def test_executable_bit_counts(repository):
    before = packed(repository)
    (repository / "app" / "src" / "main.py").chmod(0o755)
    assert packed(repository) != before


def test_tests_benches_and_caches_do_not_count(repository):
    before = packed(repository)
    for folder in ("tests", "bench", "__pycache__", ".pytest_cache"):
        (repository / "app" / folder).mkdir()
        (repository / "app" / folder / "x.py").write_text("1")
    (repository / "app" / "src" / "main.pyc").write_bytes(b"1")
    assert packed(repository) == before


def test_archive_holds_the_paths_relative_to_the_root(repository):
    with tarfile.open(fileobj=io.BytesIO(packed(repository))) as archive:
        assert archive.getnames() == ["app/Dockerfile", "app/src/main.py", "lock.txt"]


def test_missing_path_is_named(repository):
    with pytest.raises(FileNotFoundError, match="no-such-folder"):
        context_files(repository, ["no-such-folder"])
