"""The one way to replace a file, as modules and programs use it."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
import whole_file
from whole_file import write_whole

from tests.full_disk import full_disk
from tests.modules.run_module import run_module

SECRET = b"s3cret " * 1000


class Ansible:
    """What AnsibleModule.atomic_move does with a new file: it has what the umask leaves of 0666, for a moment."""

    def __init__(self) -> None:
        self.modes: list[int] = []

    def atomic_move(self, draft: str, path: str, keep_dest_attrs: bool) -> None:
        assert not keep_dest_attrs, "or the mode of the old file comes back"
        Path(draft).rename(path)
        umask = os.umask(0)
        os.umask(umask)
        Path(path).chmod(0o666 & ~umask)
        self.modes.append(stat.S_IMODE(Path(path).stat().st_mode))


@pytest.mark.parametrize("module", [None, Ansible()], ids=["program", "module"])
@pytest.mark.parametrize("before", [None, b"old"], ids=["new", "old"])
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o400])
def test_content_and_mode_arrive_whatever_stood_there(tmp_path, mode, before, module) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)
        path.chmod(0o666)
    write_whole(path, SECRET, mode, module)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (SECRET, mode)
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_open_to_nobody_at_any_moment(tmp_path, monkeypatch) -> None:
    seen = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (seen.append(os.fstat(descriptor)), sync(descriptor))[1])
    module, umask = Ansible(), os.umask(0o022)
    try:
        write_whole(tmp_path / "file", SECRET, 0o600, module)
        assert os.umask(0o022) == 0o022, "it is as it was"
    finally:
        os.umask(umask)
    draft, folder = seen
    assert (stat.S_IMODE(draft.st_mode), draft.st_size) == (0o600, len(SECRET))
    assert stat.S_ISDIR(folder.st_mode), "the name is on the disk too"
    assert module.modes == [0o600]


@pytest.mark.parametrize("before", [None, b"old"], ids=["new", "old"])
@pytest.mark.parametrize("failing", ["write", "sync", "move"])
def test_a_failure_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path, monkeypatch, before, failing) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if failing == "sync":
        monkeypatch.setattr(os, "fsync", fails)
    if failing == "move":
        monkeypatch.setattr(Path, "replace", fails)
    with full_disk(1000 if failing == "write" else 1 << 30), pytest.raises(OSError) as caught:
        write_whole(path, SECRET, 0o600)
    assert caught.value.filename == str(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == ({} if before is None else {"file": before})


def test_a_folder_that_is_missing_is_told_by_the_files_name(tmp_path) -> None:
    with pytest.raises(OSError) as caught:
        write_whole(tmp_path / "none/file", SECRET, 0o600)
    assert (caught.value.filename, caught.value.strerror) == (str(tmp_path / "none/file"), "No such file or directory")


def test_a_run_that_is_interrupted_leaves_nothing_either(tmp_path, monkeypatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(whole_file.os, "fsync", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", SECRET, 0o600)
    assert list(tmp_path.iterdir()) == []


def test_what_ansible_says_of_a_move_is_an_error_like_any_other(tmp_path) -> None:
    class Refusing:
        def atomic_move(self, *_: object, **__: object) -> None:
            raise Exception("Could not replace it")

    with pytest.raises(OSError, match="Could not replace it"):
        write_whole(tmp_path / "file", SECRET, 0o600, Refusing())
    assert list(tmp_path.iterdir()) == []


def test_ansibles_own_module_moves_it(tmp_path) -> None:
    """Not the stand-in: a secret that replaces an open file, and one that is new."""
    for name in ("new", "old"):
        path = tmp_path / name
        if name == "old":
            path.write_text("old")
            path.chmod(0o666)
        done = run_module("write_files", files=[{"path": str(path), "base64": "c2VjcmV0", "mode": "0600"}])
        assert done["written"] == [str(path)]
        assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("secret", 0o600)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new", "old"]


def test_nobody_replaces_a_file_by_hand() -> None:
    """A new draft of somebody's own would have to think of all this again."""
    repository = Path(whole_file.__file__).parents[1]
    found = subprocess.run(
        ["git", "grep", "-nE", r"NamedTemporaryFile\(.*delete=False|mkstemp\(|\b(draft|partial|temporary)\.replace\("],
        cwd=repository, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    files = {line.split(":")[0] for line in found.splitlines()}
    assert {file for file in files if not file.startswith("tests/") and "/tests/" not in file} <= {
        "module_utils/whole_file.py",
        # an image of its own, which holds nothing of the deployment's
        "services/clickhouse_embedded/src/clickhouse_embedded/engine.py",
    }
