"""`zakaz-watch`: one look, called by its timer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from zakaz_alert import settings as alert_settings
from zakaz_alert.episodes import Episodes
from zakaz_alert.post_office import PostOffice
from zakaz_alert.storage import Storage

from . import database, host
from .exposition import exposition, write
from .history import keep
from .judge import judge, judge_history
from .observed import Observed
from .settings import SettingsError, load


def main(settings_file: Path, alerts_file: Path, clock: Callable[[], float] = time.time) -> int:
    """Look once; the exit code is 0 even when something is wrong, 74 when the look itself failed, 78 for settings.

    :param clock: seconds since 1970; tests have their own.
    """
    try:
        settings, alerts = load(settings_file), alert_settings.load(alerts_file)
    except (SettingsError, alert_settings.SettingsError) as error:
        print(error)
        return 78
    seen = Observed(at=clock())
    database.observe(settings, seen)
    host.observe(settings, seen)
    troubles = judge(settings, seen)
    storage = Storage(alerts.state_dir)
    post = PostOffice(alerts, storage)
    episodes = Episodes(alerts, storage, post, clock)
    failures = []
    try:
        # a look may fall into a restart, and a figure may tremble around its limit
        episodes.observe(troubles, patience=2)
        post.deliver()
        # people come before the history; what is to be said of it goes out with the next look
        if not seen.database_error:
            unkept = judge_history(settings, keep(settings, storage, alerts.state_dir / "measured", clock()))
            episodes.observe(unkept, patience=2)
            troubles |= unkept
        waiting = len(storage.read().outbox)
    except OSError as error:
        failures.append(error)
        waiting = 0
    if settings.textfile:
        try:
            problems = {subject: trouble is not None for subject, trouble in troubles.items()}
            write(settings.textfile, exposition(settings, seen, problems, waiting))
        except OSError as error:
            failures.append(error)
    for failure in failures:
        print(f"{failure.filename} cannot be written: {failure.strerror}; free or mend the disk")
    return 74 if failures else 0
