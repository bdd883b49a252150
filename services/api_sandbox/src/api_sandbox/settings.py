"""Settings of the service and of its vendors, from ``API_SANDBOX_*`` variables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, TypeVar, cast

import msgspec

from api_sandbox.season.moscow_time import today
from api_sandbox.vendors import VENDORS

PREFIX = "API_SANDBOX_"
_MEANINGS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a date like 2026-11-30",
    str: "text",
}
Part = TypeVar("Part", bound=msgspec.Struct)


class SettingsError(Exception):
    """A variable holds something that cannot be used; the text names it."""


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The season, and where it is served."""

    seed: int = 1
    orders: int = 2000
    season_end: date = msgspec.field(default_factory=lambda: today() - timedelta(days=1))
    season_days: int = 120
    multilingual: bool = False
    host: str = "0.0.0.0"  # noqa: S104  the container's only way to be reached
    port: int = 8080


_PARTS: tuple[type[msgspec.Struct], ...] = (ServiceSettings, *(vendor.settings for vendor in VENDORS))
FIELDS: dict[str, Any] = {one.name: one.type for part in _PARTS for one in msgspec.structs.fields(part)}
"""Every field with its type."""


class Settings:
    """What one instance simulates and with which credentials. README lists every variable.

    Takes the fields of the service and of every vendor by name. Raises TypeError for one that nobody has.
    """

    def __init__(self, **values: Any) -> None:
        if unknown := sorted(values.keys() - FIELDS.keys()):
            raise TypeError(f"no such setting: {unknown[0]}")
        self._parts = {
            part: part(**{name: values[name] for name in part.__struct_fields__ if name in values}) for part in _PARTS
        }

    @property
    def service(self) -> ServiceSettings:
        """The service's own."""
        return self.of(ServiceSettings)

    def of(self, part: type[Part]) -> Part:
        """A vendor's."""
        return cast("Part", self._parts[part])

    def values(self) -> dict[str, Any]:
        """Every field with its value."""
        return {name: getattr(part, name) for part in self._parts.values() for name in part.__struct_fields__}


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; empty values mean the default. Raises SettingsError."""
    known = {PREFIX + name.upper(): name for name in FIELDS}
    given = {key: value for key, value in environment.items() if key.startswith(PREFIX) and value}
    if unknown := sorted(set(given) - set(known)):
        raise SettingsError(f"{unknown[0]}: no such setting; known are {', '.join(known)}")
    values: dict[str, Any] = {}
    for key, value in given.items():
        kind = FIELDS[known[key]]
        try:
            values[known[key]] = msgspec.convert(value.strip(), kind, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError(f"{key}: expected {_MEANINGS[kind]}, found {value!r}") from error
    return Settings(**values)
