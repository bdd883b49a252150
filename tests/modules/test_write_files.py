"""A set of files on the host: what is written, what is left alone, what a check only predicts."""

from __future__ import annotations

from tests.modules.run_module import run_module


def write(*files, **options):
    return run_module(
        "write_files", files=[dict(zip(("path", "content", "mode"), file, strict=False)) for file in files], **options
    )


def test_only_what_differs_is_written(tmp_path):
    unit, command = str(tmp_path / "a.service"), str(tmp_path / "a")
    wanted = ((unit, "[Unit]\n"), (command, "#!/bin/sh\nexit 0\n", "0755"))
    predicted = write(*wanted, check=True, diff=True)
    assert predicted["written"] == [unit, command]
    assert list(tmp_path.iterdir()) == []
    done = write(*wanted, diff=True)
    assert (done["changed"], done["written"], done["diff"]) == (True, predicted["written"], predicted["diff"])
    assert {file.name: (file.read_text(), file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {
        "a.service": ("[Unit]\n", 0o644),
        "a": ("#!/bin/sh\nexit 0\n", 0o755),
    }
    assert write(*wanted)["changed"] is False
    (tmp_path / "a.service").write_text("edited by hand")
    again = write(*wanted, diff=True)
    assert again["written"] == [unit]
    assert [(part["before"], part["after"]) for part in again["diff"]] == [("edited by hand", "[Unit]\n")]


def test_mode_alone_is_mended(tmp_path):
    secret = tmp_path / "secret"
    write((str(secret), "x", "0600"))
    secret.chmod(0o644)
    assert write((str(secret), "x", "0600"))["written"] == [str(secret)]
    assert secret.stat().st_mode & 0o777 == 0o600


def test_missing_folder_is_named(tmp_path):
    answer = write((str(tmp_path / "none" / "file"), "x"))
    assert answer["failed"]
    assert f"{tmp_path}/none/file cannot be written" in answer["msg"]


def test_new_content_never_stands_in_a_half_written_file(tmp_path):
    """The file is replaced, not filled: who has the old one open keeps reading it."""
    path = tmp_path / "file"
    path.write_text("old")
    with path.open() as reader:
        write((str(path), "new"))
        assert reader.read() == "old"
    assert path.read_text() == "new"
