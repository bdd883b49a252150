"""make docs writes what is stale and nothing else; with --check it only says so."""

from __future__ import annotations

import sys
from pathlib import Path

import document_roles
import document_schema
import pytest


def run(script: object, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["script", *arguments])
    return script.main()


def test_settings_are_written_where_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale, fresh, new = (tmp_path / name for name in ("stale.md", "fresh.md", "new.md"))
    stale.write_text("old")
    fresh.write_text("same")
    monkeypatch.setattr(document_roles, "REPOSITORY", tmp_path)
    monkeypatch.setattr(document_roles, "pages", lambda: {stale: "new", fresh: "same", new: "first"})
    assert run(document_roles, monkeypatch, "--check") == 1
    assert capsys.readouterr().err.startswith("stale.md, new.md: not what")
    assert (stale.read_text(), new.exists()) == ("old", False)
    assert run(document_roles, monkeypatch) == 0
    assert capsys.readouterr().out == "written: stale.md, new.md\n"
    assert (stale.read_text(), fresh.read_text(), new.read_text()) == ("new", "same", "first")
    assert run(document_roles, monkeypatch, "--check") == 0
    assert run(document_roles, monkeypatch) == 0
    assert capsys.readouterr().out == "written: nothing, all are up to date\n"


def test_a_role_without_a_page_gets_one(tmp_path: Path) -> None:
    role = tmp_path / "lamp"
    (role / "meta").mkdir(parents=True)
    (role / "meta/argument_specs.yml").write_text("argument_specs: {main: {short_description: Light a lamp.}}\n")
    text = document_roles.readme(role)
    assert text.startswith("# lamp\n\nLight a lamp.\n")
    assert "This role has no settings of its own." in text


def test_the_data_model_is_written_and_then_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "data-model.md"
    monkeypatch.setattr(document_schema, "REPOSITORY", tmp_path)
    monkeypatch.setattr(document_schema, "PAGE", page)
    monkeypatch.setattr(document_schema, "live_catalogue", lambda: "catalogue")
    monkeypatch.setattr(document_schema, "page", lambda catalogue: f"# {catalogue}\n")
    assert run(document_schema, monkeypatch, "--check") == 1
    assert "run make docs" in capsys.readouterr().err
    assert not page.exists()
    assert run(document_schema, monkeypatch) == 0
    assert page.read_text() == "# catalogue\n"
    assert "data-model.md: 1 lines" in capsys.readouterr().out
    assert run(document_schema, monkeypatch, "--check") == 0
