from decimal import Decimal
from pathlib import Path

import pytest
import zakaz_common.settings as settings_module
from pydantic import Field, SecretStr
from zakaz_common.errors import ConfigError
from zakaz_common.settings import CommonSettings, OptionalPath, load_settings

SOURCE_YML = """
title: Demo
kind: sales
order: 1
schedule: "*:0/30"
page: loader-failed.md
clickhouse: {user: u, password: p, rotates_as: r, writes: [], reads: [], watched: [], never_silent: []}
environment_prefix: DEMO_
settings:
  token: {description: Made in the cabinet., secret: true, required: true}
  key: {description: The other way in., secret: true, required: true, unless: name}
  name: {description: "", default: ""}
  rate: {description: Requests a second., type: float, default: 5}
  vat: {description: On top., type: float, default: 0.22}
  ca_bundle: {description: A PEM file., default: ""}
services:
  bell:
    description: rings
    command: [bell]
    container: bell
    environment_file: bell.env
    port: 8081
    health: /healthz
    settings:
      secret: {description: Signs., secret: true, required: true}
smoke: {counts: {}, expect: []}
"""


class DemoSettings(CommonSettings):
    demo_token: SecretStr = Field(min_length=4)
    demo_key: SecretStr
    demo_name: str
    demo_rate: float = Field(gt=0)
    demo_vat: Decimal = Field(ge=0, lt=1, decimal_places=4)
    demo_ca_bundle: OptionalPath
    demo_bell_port: int
    demo_bell_secret: SecretStr


GOOD = {
    "CLICKHOUSE_HOST": "warehouse",
    "CLICKHOUSE_USER": "loader",
    "CLICKHOUSE_PASSWORD": "secret-pass",
    "DEMO_TOKEN": "secret-token",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    import os

    for name in list(os.environ):
        if name.startswith(("CLICKHOUSE_", "LOADER_", "DEMO_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(settings_module, "SECRETS_DIR", tmp_path / "secrets")
    monkeypatch.setattr(DemoSettings, "SOURCE", tmp_path / "source.yml")
    (tmp_path / "source.yml").write_text(SOURCE_YML)

    def give(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return give


def load(dry_run=False):
    return load_settings(DemoSettings, own_prefix="DEMO_", dry_run=dry_run)


def test_variables_and_defaults_are_read(environment):
    environment(**GOOD, LOADER_BATCH_ROWS="5000", LOADER_METRICS_FILE="", DEMO_RATE="")
    settings = load()
    assert settings.clickhouse_port == 8123
    assert settings.loader_batch_rows == 5000
    assert settings.loader_metrics_file is None
    assert settings.demo_rate == 5
    assert settings.clickhouse_password.get_secret_value() == "secret-pass"


def test_what_is_not_given_or_empty_is_what_source_yml_says(environment):
    environment(**GOOD)
    bare = load()
    environment(**dict.fromkeys([name.upper() for name in DemoSettings.model_fields if name.upper() not in GOOD], ""))
    for settings in (bare, load()):
        assert settings.demo_rate == 5
        assert settings.demo_vat == Decimal("0.22")
        assert settings.demo_bell_port == 8081
        assert settings.demo_ca_bundle is None
        assert settings.demo_name == settings.demo_key.get_secret_value() == ""
        assert settings.demo_bell_secret.get_secret_value() == ""
        assert settings.loader_state_dir == Path("/var/lib/zakaz")


def test_what_is_given_wins(environment):
    environment(**GOOD, DEMO_RATE="7", DEMO_CA_BUNDLE="/ca.pem")
    assert (load().demo_rate, load().demo_ca_bundle) == (7, Path("/ca.pem"))
    direct = DemoSettings(**{name.lower(): value for name, value in GOOD.items()}, demo_rate=8)
    assert (direct.demo_rate, direct.demo_vat) == (8, Decimal("0.22"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "^/.*/source.yml is missing: the defaults of this loader stand there; build its image again"),
        ("settings: [", "^/.*/source.yml: while parsing a flow node"),
        (
            SOURCE_YML.replace("default: 5", "defualt: 5"),
            "^/.*/source.yml: settings.rate: unknown: defualt. Known are desc",
        ),
        (SOURCE_YML.replace("default: 0.22", "default: 22"), "^DEMO_VAT is wrong: input should be less than 1"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_wrong_source_yml_is_one_sentence(environment, tmp_path, content, sentence, dry_run):
    environment(**GOOD)
    settings_module._described.cache_clear()
    (tmp_path / "source.yml").unlink() if content is None else (tmp_path / "source.yml").write_text(content)
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(dry_run)
    assert "\n" not in str(caught.value)


def test_secrets_are_never_shown(environment):
    environment(**GOOD)
    assert "secret-" not in repr(load())


def test_a_secret_may_stand_in_a_file(environment, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "demo_token").write_text("from-a-file\n")
    environment(**{k: v for k, v in GOOD.items() if k != "DEMO_TOKEN"})
    assert load().demo_token.get_secret_value() == "from-a-file"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"DEMO_TOKEN": None}, "DEMO_TOKEN is not set; put it into the loader's env file"),
        ({"CLICKHOUSE_PORT": "http"}, "CLICKHOUSE_PORT is wrong: input should be a valid integer"),
        ({"CLICKHOUSE_PORT": "70000"}, "CLICKHOUSE_PORT is wrong: input should be less than or equal to 65535"),
        ({"CLICKHOUSE_HOST": ""}, "CLICKHOUSE_HOST is wrong: string should have at least 1 character"),
        ({"CLICKHOUSE_DATABASE": "a; DROP"}, "CLICKHOUSE_DATABASE is wrong: string should match pattern"),
        ({"LOADER_LOG_LEVEL": "loud"}, "LOADER_LOG_LEVEL is wrong: input should be 'debug', 'info'"),
        ({"DEMO_TOKEN": "s3x"}, "DEMO_TOKEN is wrong: value should have at least 4 items"),
        ({"DEMO_TOKEM": "x"}, "DEMO_TOKEM is not a setting of this loader; did you mean DEMO_TOKEN?"),
        ({"LOADER_ZZZ": "x"}, "LOADER_ZZZ is not a setting of this loader"),
        ({"DEMO_TOKEN": None, "DEMO_RATE": "0"}, r"\(1 more variable wrong as well\)"),
    ],
)
def test_a_wrong_variable_is_one_sentence_that_names_it(environment, change, sentence):
    environment(**{k: v for k, v in {**GOOD, **change}.items() if v is not None})
    with pytest.raises(ConfigError, match=sentence) as caught:
        load()
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 78
    assert "s3x" not in str(caught.value)


def test_variables_of_others_are_not_looked_at(environment, monkeypatch):
    environment(**GOOD)
    monkeypatch.setenv("OTHER_CLIENT_ID", "another loader's")
    load()


def test_a_dry_run_needs_no_variable_but_refuses_a_wrong_one(environment):
    assert load(dry_run=True).clickhouse_host
    environment(CLICKHOUSE_PORT="http")
    with pytest.raises(ConfigError, match="CLICKHOUSE_PORT"):
        load(dry_run=True)
