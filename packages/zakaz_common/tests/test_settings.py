import pytest
import zakaz_common.settings as settings_module
from pydantic import Field, SecretStr
from zakaz_common.errors import ConfigError
from zakaz_common.settings import CommonSettings, load_settings


class DemoSettings(CommonSettings):
    demo_token: SecretStr = Field(min_length=4)
    demo_rate: float = Field(5, gt=0)


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


def test_secrets_are_never_shown(environment):
    environment(**GOOD)
    assert "secret" not in repr(load())


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
