"""A role's settings have one home: what defaults set, argument_specs describe, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.sources import SOURCES

ROLES = sorted(path for path in (Path(__file__).parents[2] / "roles").iterdir() if path.is_dir())


def defaults(role: Path) -> dict:
    """Return the defaults of a role, from one file or a folder of them."""
    settings: dict = {}
    for file in [*role.glob("defaults/main.yml"), *sorted(role.glob("defaults/main/*.yml"))]:
        settings.update(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    return settings


def options(role: Path) -> dict:
    """Return what the role's argument_specs describe."""
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return specs["argument_specs"]["main"].get("options") or {}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_default_is_described_and_every_described_setting_has_a_default(role):
    assert set(defaults(role)) == set(options(role))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_settings_carry_the_roles_name_a_type_and_a_description(role):
    for name, option in options(role).items():
        assert name.startswith(f"{role.name}_")
        assert option["type"]
        assert len(str(option["description"])) > 10


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_secrets_stay_out_of_logs(role):
    for name, option in options(role).items():
        if name.endswith(("password", "secret", "token")):
            assert option.get("no_log"), name


def test_runs_are_counted_as_the_loaders_are_scheduled():
    """watch_sli_schedule_minutes repeats what the schedules say, since OnCalendar may say what no number can."""
    settings = {role.name: defaults(role) for role in ROLES}
    every = settings["watch"]["watch_sli_schedule_minutes"]
    for name, source in SOURCES.items():
        assert source["schedule"].endswith(f"/{every}"), name
