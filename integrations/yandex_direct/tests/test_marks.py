"""What is remembered of an account, and whose cabinet it may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from pydantic import SecretStr
from yandex_direct.access.accounts import Account
from yandex_direct.kept import Kept
from yandex_direct.marks import SAFETY, CabinetMixedUp, CabinetUnknown, Marks
from yandex_direct.objects.load import Listings
from yandex_direct.windows import ReadBefore
from zakaz_common.moscow import MOSCOW
from zakaz_common.window import Window

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=MOSCOW)
TODAY = NOW.date()
MAIN = Account("main", SecretStr("t"))


def of(marks: Marks) -> Marks:
    """The marks as the next run finds them."""
    found: dict[tuple[str, str], dict[str, datetime]] = {key: dict(known) for key, known in marks.found.items()}
    for dataset, moment in marks.settled.items():
        account, cabinet, what = dataset.removesuffix("_deep").rsplit("/", 2)
        found.setdefault((account, cabinet), {})[what] = moment
    return Marks(found)


def claimed(*accounts: tuple[str, str], before: Marks | None = None) -> Marks:
    marks = before or Marks()
    for name, login in accounts:
        marks.claim(replace(MAIN, name=name), login)
    return marks


def test_accounts_of_their_own_cabinets_stay_what_they_are() -> None:
    accounts = (("main", "My.Login"), ("a/b", "other"))
    again = claimed(*accounts, before=of(claimed(*accounts)))
    assert again.settled == {}
    assert not any("login" in key.lower() for key in claimed(*accounts).settled), "a login may be a person's"


@pytest.mark.parametrize("login", ["my-login", "MY.LOGIN", " my-login"])
def test_one_cabinet_has_one_name_however_its_login_is_written(login: str) -> None:
    with pytest.raises(CabinetMixedUp, match=r"main and other are one cabinet .* YANDEX_DIRECT_AGENCY_CLIENTS"):
        claimed(("main", "my-login"), ("other", login))
    with pytest.raises(CabinetMixedUp, match=r"is loaded under the name main, .* call it main"):
        claimed(("other", login), before=of(claimed(("main", "my-login"))))
    claimed(("main", login), before=of(claimed(("main", "my-login"))))


def test_a_known_name_gets_no_other_cabinet() -> None:
    before = of(claimed(("main", "my-login")))
    with pytest.raises(
        CabinetMixedUp, match=r"YANDEX_DIRECT_TOKEN opens another cabinet .* than the one loaded as main"
    ):
        claimed(("main", "other"), before=before)
    assert before.settled == {}
    with pytest.raises(CabinetUnknown):
        claimed(("main", ""))


def test_a_login_that_is_an_address_is_not_shown() -> None:
    with pytest.raises(CabinetMixedUp) as refusal:
        claimed(("main", "a@example.com"), ("other", "a@example.com"))
    assert "@" not in str(refusal.value)


def read(marks: Marks, settings, days: int, kind: str, *, checked: bool = True) -> Marks:
    """The marks after a run over so many days up to today."""
    window = Window.of_days(TODAY - timedelta(days=days - 1), TODAY, kind)
    marks.settle("main", "my-login", window, NOW, settings, checked=checked)
    return of(marks)


@pytest.mark.parametrize(
    ("days", "kind", "expected"),
    [
        (3, "history", ReadBefore(TODAY, TODAY, TODAY, date(2026, 11, 23))),
        (7, "recent", ReadBefore(TODAY, None, None, date(2026, 11, 19))),
        (30, "deep", ReadBefore(TODAY, TODAY, None, date(2026, 10, 27))),
        (90, "long", ReadBefore(TODAY, TODAY, TODAY, date(2026, 8, 28))),
        (40, "corrected", ReadBefore(TODAY, TODAY, None, date(2026, 10, 17))),
    ],
)
def test_what_a_run_has_read(bare_loader, days: int, kind: str, expected: ReadBefore) -> None:
    marks = read(claimed(("main", "my-login")), bare_loader.configured(), days, kind)
    assert marks.read_before("main") == expected
    assert marks.recent("main") == NOW - SAFETY
    assert marks.read_before("other") == ReadBefore()


def test_the_history_begins_with_the_earliest_day_of_all_runs(bare_loader) -> None:
    settings, marks = bare_loader.configured(), claimed(("main", "my-login"))
    for days in (3, 366, 7):
        marks = read(marks, settings, days, "history")
    assert marks.read_before("main").history_from == TODAY - timedelta(days=365)


def test_corrections_that_were_not_asked_for_are_asked_for_later(bare_loader) -> None:
    settings, marks = bare_loader.configured(), claimed(("main", "my-login"))
    marks = read(marks, settings, 366, "history", checked=False)
    assert marks.checked("main") == NOW - SAFETY, "the history has them"
    marks.settle(
        "main", "my-login", Window.of_days(TODAY, TODAY, "recent"), NOW + timedelta(hours=1), settings, checked=False
    )
    later = of(marks)
    assert later.checked("main") == NOW - SAFETY
    assert later.recent("main") == NOW + timedelta(hours=1) - SAFETY


def test_what_was_kept_is_of_a_token(tmp_path) -> None:
    kept = Kept(tmp_path, "http://direct", "listings", Listings)
    kept.save(MAIN, Listings(NOW, NOW, login="my-login"))
    found = kept.load(MAIN)
    assert found is not None and found.login == "my-login"
    assert kept.load(replace(MAIN, token=SecretStr("another"))) is None
