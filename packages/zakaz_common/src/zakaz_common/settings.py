"""Settings every loader has, read from the environment and from files of secrets.

A secret may stand in the environment or in a file `/run/secrets/<variable in lower case>`.
"""

import difflib
import os
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import source_file
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from zakaz_common.errors import ConfigError

SECRETS_DIR = Path("/run/secrets")
_COMMON_PREFIXES = ("CLICKHOUSE_", "LOADER_")
_PLACEHOLDER = "unused-in-a-dry-run"

# a file that need not be given: an empty text is none
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]


class CommonSettings(BaseSettings):
    """Where ClickHouse is, and how a run behaves. A field's variable is its name in upper case.

    A loader's own class adds types and bounds of what its source.yml describes, and names that file in `SOURCE`: the
    defaults of its own fields stand there alone.
    """

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False, hide_input_in_errors=True)

    SOURCE: ClassVar[Path | None] = None

    clickhouse_host: str = Field(
        min_length=1,
        examples=["zakaz-clickhouse"],
        description="Host name of ClickHouse; inside the private Docker network the name of its container.",
    )
    clickhouse_port: int = Field(8123, ge=1, le=65535, description="Its HTTP port.")
    clickhouse_secure: bool = Field(False, description="HTTPS instead of HTTP.")
    clickhouse_user: str = Field(min_length=1, description="The loader's own ClickHouse user.")
    clickhouse_password: SecretStr = Field(description="Its password.")
    clickhouse_database: str = Field(
        "zakaz", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Database of staging and marts."
    )
    loader_state_dir: Path = Field(
        Path("/var/lib/zakaz"),
        description="Lock, resume point and tokens: a volume that the loader's user (10001) owns and that outlives the "
        "container.",
    )
    loader_deadline_seconds: int = Field(
        1500, ge=10, le=86400, description="Seconds that a run may take in all, waits and retries included."
    )
    loader_batch_rows: int = Field(10_000, ge=100, le=50_000, description="Rows of one insert.")
    loader_max_rejected_ratio: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Part of the records of one dataset that may be rejected before the run fails.",
    )
    loader_log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level of what is logged."
    )
    loader_metrics_file: OptionalPath = Field(
        None, description="A `*.prom` file to write for the node exporter's textfile collector; empty is none."
    )

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Every field that need not be given, with its default.

        Raises ConfigError when source.yml cannot be read.
        """
        python = {name: field.default for name, field in cls.model_fields.items() if not field.is_required()}
        return python | (_described(cls.SOURCE) if cls.SOURCE else {})

    @model_validator(mode="before")
    @classmethod
    def _empty_optional_is_absent(cls, values: dict[str, Any]) -> dict[str, Any]:
        """`NAME=` in an env file means "not set" where that is allowed, and what is not set has its default."""
        defaults = cls.defaults()
        return defaults | {name: value for name, value in values.items() if value != "" or name not in defaults}


@cache
def _described(file: Path) -> dict[str, Any]:
    """Fields of a source.yml that need not be given, with their defaults."""
    if not file.is_file():
        raise ConfigError(f"{file} is missing: the defaults of this loader stand there; build its image again")
    try:
        settings = source_file.loader_settings(source_file.read_source(file))
    except source_file.SourceFileError as error:
        raise ConfigError(str(error)) from None
    return {name.lower(): setting["default"] for name, setting in settings.items() if "default" in setting}


S = TypeVar("S", bound=CommonSettings)


def load_settings(model: type[S], *, own_prefix: str, dry_run: bool = False) -> S:
    """Read `model` from the environment and `/run/secrets`.

    Parameters: `own_prefix`, the loader's own variable prefix such as `QTICKETS_`, in which (and in the
    common prefixes) an unknown variable is refused as a misspelling; `dry_run` fills what is required but
    absent, as a dry run contacts nothing. Raises ConfigError whose text is one sentence naming the variable.
    """
    _refuse_unknown(model, (*_COMMON_PREFIXES, own_prefix))
    secrets_dir = SECRETS_DIR if SECRETS_DIR.is_dir() else None
    try:
        return model(_secrets_dir=secrets_dir)  # type: ignore[call-arg]
    except ValidationError as error:
        missing = {str(e["loc"][0]) for e in error.errors() if e["type"] == "missing"}
        if dry_run and missing:
            try:
                return model(_secrets_dir=secrets_dir, **dict.fromkeys(missing, _PLACEHOLDER))  # type: ignore[call-arg, arg-type]
            except ValidationError as second:
                error = second
        raise ConfigError(settings_sentence(error)) from None


def settings_sentence(error: ValidationError) -> str:
    """One sentence for the operator: the first wrong variable, what is expected, what mends it.

    The value found is never repeated: it may be a secret.
    """
    first = error.errors(include_input=False, include_url=False)[0]
    variable = str(first["loc"][0]).upper() if first["loc"] else "the settings"
    more = len({e["loc"][:1] for e in error.errors()}) - 1
    tail = f" ({more} more variable{'s' if more > 1 else ''} wrong as well)" if more else ""
    if first["type"] == "missing":
        return (
            f"{variable} is not set; put it into the loader's env file, "
            f"or a secret into {SECRETS_DIR}/{variable.lower()}{tail}"
        )
    return f"{variable} is wrong: {first['msg'][0].lower()}{first['msg'][1:]}; correct it in the env file{tail}"


def _refuse_unknown(model: type[CommonSettings], prefixes: tuple[str, ...]) -> None:
    known = [name.upper() for name in model.model_fields]
    for name in sorted(os.environ):
        upper = name.upper()
        if upper.startswith(prefixes) and upper not in known:
            close = difflib.get_close_matches(upper, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "; remove it from the env file"
            raise ConfigError(f"{name} is not a setting of this loader{hint}")
