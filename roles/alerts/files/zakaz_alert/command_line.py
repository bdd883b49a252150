"""`zakaz-alert`: called by systemd when a unit ends, by the watch, and by people."""

from __future__ import annotations

import argparse
from pathlib import Path

from .episodes import Episodes, Trouble
from .failed_unit import Ended, forget_failure, how_it_ended, why_it_failed
from .post_office import PostOffice
from .settings import Settings, SettingsError, load
from .storage import Storage

# EX_TEMPFAIL: messages wait; the watch tries again
WAITING = 75
MISCONFIGURED = 78


def main(settings_file: Path, arguments: list[str] | None = None) -> int:
    """Run one verb and return the exit code: 0, 75 when messages still wait, 78 for unusable settings."""
    parser = argparse.ArgumentParser(prog="zakaz-alert", description="Tell people what failed on this host.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    unit = verbs.add_parser("unit", help="take note of how a unit has just ended")
    unit.add_argument("name", help="for example zakaz-backup.service")
    worked = verbs.add_parser(
        "worked", help="take note that a unit's work was done without it, by hand or a deployment"
    )
    worked.add_argument("name", help="for example zakaz-backup.service")
    verbs.add_parser("test", help="send a test message")
    verbs.add_parser("deliver", help="send the messages that wait")
    verbs.add_parser("list", help="show what is failing now and how many messages wait")
    asked = parser.parse_args(arguments)
    try:
        settings = load(settings_file)
        return _run(asked, settings)
    except SettingsError as error:
        print(error)
        return MISCONFIGURED
    except OSError as error:
        print(f"{error.filename or settings.state_dir} cannot be used: {error.strerror}; free or mend the disk")
        return WAITING


def _run(asked: argparse.Namespace, settings: Settings) -> int:
    storage = Storage(settings.state_dir)
    post = PostOffice(settings, storage)
    episodes = Episodes(settings, storage, post)
    if asked.verb == "list":
        state = storage.read()
        for subject, episode in state.episodes.items():
            print(f"{subject}: {episode['problem']}")
        print(f"{len(state.episodes)} failing, {len(state.outbox)} messages wait")
        return 0
    if asked.verb == "test":
        episodes.test()
        if not settings.channels:
            print("No channel is set: messages stay in the journal. Set alerts_mail_to, alerts_telegram_chat or")
            print("alerts_webhook_url, and run make deploy.")
    if asked.verb == "unit":
        ended = how_it_ended(asked.name)
        if not ended.says_nothing:
            episodes.observe({asked.name: None if ended.worked else unit_trouble(settings, asked.name, ended)})
    if asked.verb == "worked":
        forget_failure(asked.name)
        episodes.observe({asked.name: None})
    return 0 if post.deliver() else WAITING


def unit_trouble(settings: Settings, unit: str, ended: Ended) -> Trouble:
    """What to tell of a unit that failed."""
    short = unit.removesuffix(".service").removeprefix(settings.prefix)
    page = settings.pages.get(short, settings.pages.get("", ""))
    return Trouble(
        problem=why_it_failed(unit, ended),
        command=f"sudo journalctl --unit {unit} --lines 40 --output cat",
        page=page,
        severity=settings.severities.get(page, "warning"),
    )
