"""A set of files on the host: what is written, what is left alone, what a check only predicts."""

from __future__ import annotations

import base64
import json

import pytest

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


def test_folders_come_before_the_files_in_them(tmp_path):
    folder = tmp_path / "a" / "b"
    wanted = {
        "folders": [{"path": str(folder)}, {"path": str(tmp_path / "open"), "mode": "0755"}],
        "files": [{"path": str(folder / "file"), "content": "x"}],
    }
    predicted = run_module("write_files", check=True, **wanted)
    assert predicted["written"] == [str(folder), str(tmp_path / "open"), str(folder / "file")]
    assert list(tmp_path.iterdir()) == []
    assert run_module("write_files", **wanted)["written"] == predicted["written"]
    places = (folder, folder.parent, tmp_path / "open")
    assert [place.stat().st_mode & 0o777 for place in places] == [0o700, 0o700, 0o755]
    assert run_module("write_files", **wanted)["changed"] is False
    folder.chmod(0o755)
    assert run_module("write_files", **wanted)["written"] == [str(folder)]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_secret_is_written_and_told_to_nobody(tmp_path):
    path = tmp_path / "settings"
    path.write_text("PASSWORD=before-it\n")
    encoded = base64.b64encode(b"USER=a\nPASSWORD=after-it\n").decode()
    log = tmp_path / "log"
    done = run_module(
        "write_files",
        diff=True,
        log=log,
        files=[
            {"path": str(path), "base64": encoded, "mode": "0600"},
            {"path": str(tmp_path / "unit"), "content": "[Unit]\n"},
        ],
    )
    assert path.read_text() == "USER=a\nPASSWORD=after-it\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path) in [part["after_header"] for part in done["diff"]], "that it differs is told"
    assert str(path) in log.read_text()
    for told in (json.dumps(done), log.read_text()):
        for hidden in ("before-it", "after-it", encoded):
            assert hidden not in told


def test_what_is_no_text_comes_as_it_is(tmp_path):
    path, content = tmp_path / "program", bytes(range(256))
    file = {"path": str(path), "base64": base64.b64encode(content).decode()}
    assert run_module("write_files", diff=True, files=[file])["written"] == [str(path)]
    assert path.read_bytes() == content
    assert run_module("write_files", files=[file])["changed"] is False
    assert "is not base64" in run_module("write_files", files=[{"path": str(path), "base64": "no base64!"}])["msg"]
    assert path.read_bytes() == content


def test_a_file_has_one_kind_of_content(tmp_path):
    path = str(tmp_path / "file")
    for contents in ({}, {"content": "", "base64": ""}):
        assert run_module("write_files", files=[{"path": path, **contents}])["failed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_full_disk_leaves_no_part_of_a_secret_and_the_file_as_it_was(tmp_path, before):
    secret = tmp_path / "secret"
    if before is not None:
        secret.write_bytes(before)
    found = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    encoded = base64.b64encode(b"s3cret " * 1000).decode()
    answer = run_module("write_files", files=[{"path": str(secret), "base64": encoded}], largest_file=1000)
    assert answer["failed"]
    assert f"{secret} cannot be written: File too large" in answer["msg"]
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == found
