"""The contract of loaders holds for a small right one, and each rule finds the loader that breaks it."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import toy_loader
from api_sandbox.testing import Sandbox, running_sandbox
from pydantic import Field, SecretStr, create_model
from toy_loader import load
from zakaz_common.settings import CommonSettings
from zakaz_common.testing import loader_contract
from zakaz_common.testing.loader_contract import LoaderContract, Subject
from zakaz_common.testing.loader_under_test import LoaderUnderTest

HERE = Path(__file__).parent


class Toy(LoaderUnderTest):
    """The toy loader; `WRONG` reaches its processes as well."""

    NAME, VERSION, SETTINGS = load.NAME, toy_loader.__version__, load.ToySettings
    WORK, BACKFILL = load.run, load.backfill
    DEFAULTS: ClassVar = {}

    def start(self, *arguments: str, **variables: str | None) -> Any:
        return super().start(*arguments, **{"WRONG": toy_loader.WRONG, **variables})


@pytest.fixture
def subject(client: Any, tmp_path: Path) -> Iterator[Subject]:
    """The toy between the simulator's discounts and an empty warehouse."""
    with running_sandbox(orders=60, season_days=30, vk_banners=0) as api:
        toy = Toy(client, tmp_path / "state", {"toy_base_url": api.qtickets_url, "toy_token": api.qtickets_token})
        yield Subject(
            loader=toy,
            api=api,
            change=lambda: _rename(api),
            assert_equal=lambda: _assert_equal(toy, api),
            shown="SELECT discount_id, name FROM zakaz.stg_qtickets_discounts FINAL ORDER BY ALL",
            tables=(load.TABLE,),
            wrong_credentials={"toy_token": "not-the-token"},
            unreadable=("*/discounts", ("data.*.name",)),
            personal_data=api.season.personal_data,
            folder=HERE / "toy",
            env_prefix="TOY_",
            template=HERE / "toy/env.template",
        )


def _rename(api: Sandbox) -> None:
    season = api.season
    season.revision += 1
    for discount in season.discounts[:60]:
        discount.name = f"{discount.name.partition(' №')[0]} №{season.revision}"


def _assert_equal(toy: Toy, api: Sandbox) -> None:
    held = dict(toy.rows(f"SELECT discount_id, name FROM zakaz.{load.TABLE} FINAL"))
    assert held == {one.id: one.name for one in api.season.discounts}


class TestTheToy(LoaderContract):
    """A right loader passes every rule."""

    ROUTES = ("*/discounts",)


Prepare = Callable[[Subject, Path], Subject]


def _as_it_is(subject: Subject, _: Path) -> Subject:
    return subject


def _undocumented(subject: Subject, folder: Path) -> Subject:
    text = (subject.folder / "README.md").read_text()
    (folder / "README.md").write_text(text.replace("| `TOY_PAGES` | `99` |", "| `TOY_PAGES` | `100` |"))
    return replace(subject, folder=folder)


def _without_a_variable(subject: Subject, folder: Path) -> Subject:
    (folder / "template").write_text(subject.template.read_text().replace("TOY_PAGES=99\n", ""))
    return replace(subject, template=folder / "template")


def _having(subject: Subject, model: type[CommonSettings]) -> Subject:
    class Other(Toy):
        SETTINGS = model

    loader = subject.loader
    return replace(subject, loader=Other(loader.client, loader.state_dir, loader.settings))


def _with_a_default_in_python(subject: Subject, _: Path) -> Subject:
    return _having(subject, create_model("Settings", __base__=load.ToySettings, toy_pages=(int, 99)))


def _with_an_address(subject: Subject, folder: Path) -> Subject:
    (folder / "src").mkdir()
    (folder / "src/fixture.json").write_text('{"email": "somebody@example.com"}')
    return replace(subject, folder=folder)


# rule → (mistake of the toy, arguments of the rule, what is made wrong beside it)
BROKEN: dict[str, tuple[str, dict[str, Any], Prepare]] = {
    "a_passing_fault_of_the_source_is_ridden_out": (
        "gives_up_at_once",
        {"route": "*/discounts", "passing": "cut"},
        _as_it_is,
    ),
    "a_429_is_waited_for_as_long_as_was_asked": ("waits_not_at_all", {}, _as_it_is),
    "a_lasting_fault_of_the_source_fails_clearly_and_settles_nothing": (
        "swallows",
        {"route": "*/discounts", "lasting": "503"},
        _as_it_is,
    ),
    "credentials_that_are_refused_are_named": ("blames_nobody", {}, _as_it_is),
    "data_that_cannot_be_read_fail_the_run_and_are_listed": ("guesses", {}, _as_it_is),
    "a_passing_fault_of_clickhouse_is_waited_out": ("appends", {"waited_out": "answer-lost"}, _as_it_is),
    "a_lasting_fault_of_clickhouse_fails_clearly_and_the_next_run_mends_it": (
        "swallows",
        {"given_up": "no-right"},
        _as_it_is,
    ),
    "a_disk_that_fills_at_any_statement_is_mended_by_the_next_run": ("marks_first", {}, _as_it_is),
    "no_clickhouse_is_69_with_a_sentence": ("exits_with_one", {}, _as_it_is),
    "the_same_answers_again_change_nothing": ("appends", {}, _as_it_is),
    "a_run_killed_anywhere_is_made_good_by_the_next": ("marks_first", {"rounds": 12}, _as_it_is),
    "of_two_runs_at_once_one_works_and_the_other_leaves": ("no_lock", {}, _as_it_is),
    "sigterm_ends_a_run_cleanly": ("deaf", {}, _as_it_is),
    "a_run_leaves_its_row_and_its_answer": ("uncounted", {}, _as_it_is),
    "a_quiet_run_still_gives_its_answer": ("chatty", {}, _as_it_is),
    "a_dry_run_needs_nothing_and_touches_nothing": ("dry_run_writes", {}, _as_it_is),
    "a_wrong_setting_is_78_and_one_sentence": ("takes_any_setting", {}, _as_it_is),
    "check_and_status_answer_without_secrets": ("tells_secrets", {}, _as_it_is),
    "no_personal_data_gets_downstream": ("talks", {}, _as_it_is),
    "no_file_of_the_image_holds_an_address_or_a_phone": ("", {}, _with_an_address),
    "source_yml_describes_every_setting_and_holds_every_default": ("", {}, _with_a_default_in_python),
    "every_setting_is_documented_with_its_default": ("", {}, _undocumented),
    "the_template_holds_every_setting_with_its_default_and_no_other": ("", {}, _without_a_variable),
}


@pytest.mark.patient
@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_finds_the_loader_that_breaks_it(
    subject: Subject,
    rule: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mistake, arguments, prepare = BROKEN[rule]
    monkeypatch.setattr(toy_loader, "WRONG", mistake)
    test = getattr(TestTheToy(), f"test_{rule}")
    wanted = inspect.signature(test).parameters
    given = {"capsys": capsys, "tmp_path": tmp_path, "subject": prepare(subject, tmp_path), **arguments}
    with pytest.raises((AssertionError, ValueError)):
        test(**{name: given[name] for name in wanted})


class Fewer(CommonSettings):
    """Without the pages that the toy's source.yml describes."""

    SOURCE = load.ToySettings.SOURCE

    toy_base_url: str
    toy_token: SecretStr


@pytest.mark.parametrize(
    "model",
    [
        create_model("Described", __base__=load.ToySettings, toy_pages=(int, Field(description="Most pages"))),
        create_model("More", __base__=load.ToySettings, toy_more=(int, ...)),
        Fewer,
    ],
)
def test_settings_and_source_yml_must_agree(model: type[CommonSettings], tmp_path: Path) -> None:
    toy = Toy(None, tmp_path, {})
    subject = Subject(toy, *[None] * 8, folder=HERE / "toy", env_prefix="TOY_")
    with pytest.raises(AssertionError):
        TestTheToy().test_source_yml_describes_every_setting_and_holds_every_default(_having(subject, model))


def test_every_rule_has_its_broken_loader() -> None:
    rules = {name.removeprefix("test_") for name in dir(LoaderContract) if name.startswith("test_")}
    assert rules == set(BROKEN)


def test_personal_data_quoted_in_a_rejected_record_are_found(
    subject: Subject, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy_loader, "WRONG", "quotes")
    with pytest.raises(AssertionError):
        TestTheToy().test_no_personal_data_gets_downstream(replace(subject, personal_data=list), capsys, tmp_path)


def test_the_search_finds_whole_words_and_addresses_only() -> None:
    assert loader_contract.found(["secret", "a@example.com"], "x (secret) y") == ["secret"]
    assert loader_contract.found(["secret", "a@example.com"], "secretary <xa@example.com>") == ["a@example.com"]
