"""The settings file the role writes: who is told, by which channels, and which page belongs to what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """The settings file cannot be used; the text is a sentence for the operator."""


@dataclass(frozen=True)
class Settings:
    """What the role `alerts` decided.

    :param deployment: name of the deployment.
    :param state_dir: folder of the episodes and of messages not yet delivered.
    :param runbooks: where the pages are: an address or a path, without a slash at its end.
    :param pages: file name of the page by the unit's name without prefix and suffix.
    :param severities: critical or warning by file name of the page; another page's trouble is a warning.
    :param prefix: what the names of our units begin with.
    :param channels: settings by channel (`mail`, `telegram`, `webhook`); an absent one is off.
    :param timeout: seconds one delivery may take.
    :param retry_delays: seconds to wait before each further attempt of one call.
    :param secrets_dir: folder of the environment files whose secrets must never appear in a message.
    """

    deployment: str
    state_dir: Path
    secrets_dir: Path
    runbooks: str
    pages: dict[str, str] = field(default_factory=dict)
    severities: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    timeout: float = 15
    retry_delays: tuple[float, ...] = (5, 20)


def load(path: Path) -> Settings:
    """Read the settings.

    :raises SettingsError: the file is missing, is no JSON, or lacks something.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        for folder in ("state_dir", "secrets_dir"):
            content[folder] = Path(content[folder])
        content["retry_delays"] = tuple(content.get("retry_delays", Settings.retry_delays))
        return Settings(**content)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); run make deploy") from None
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"{path} is not what the role alerts writes; run make deploy") from None
