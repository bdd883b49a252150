"""What every loader promises, as tests that it inherits.

>>> @pytest.fixture  # doctest: +SKIP
... def subject(loader, api) -> Subject: ...
>>> class TestContract(LoaderContract):  # doctest: +SKIP
...     ROUTES = ("*/events", "*/orders")

The API is a real server with faults (`Api`), ClickHouse the real engine behind a proxy. A rule is one test; what only
one source has (its limits, its tokens, its windows) stays with its own tests.
"""

import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pytest
from pydantic import SecretStr
from source_file import loader_settings, read_source

from zakaz_common.run_log import configure_logs
from zakaz_common.settings import CommonSettings
from zakaz_common.testing.loader_under_test import Finished, LoaderUnderTest, finished
from zakaz_common.testing.warehouse_engine import REPOSITORY
from zakaz_common.testing.warehouse_proxy import Fault, misbehaving

ADDRESS = "buyer.1@example.com"
TEMPLATE = REPOSITORY / "test_env/.env.template"


class Api(Protocol):
    """The source under the test's control, as `api_sandbox.testing.Sandbox` is."""

    @property
    def violations(self) -> list[Any]:
        """Calls that would have changed something at a live service."""

    def inject(self, kind: str, **fields: Any) -> None:
        """Add one fault."""

    def reset(self) -> None:
        """Forget faults and logged requests."""

    def pending_faults(self) -> list[dict[str, Any]]:
        """Faults that have not struck for the last time."""

    def count(self, route: str = "/api/*") -> int:
        """Number of API requests."""


@dataclass(frozen=True)
class Subject:
    """One loader between one source and an empty warehouse.

    Parameters:
        change: something happens at the source that the next run has to load.
        assert_equal: the warehouse holds what the source holds.
        shown: a query of what readers see of it, without `_loaded_at`.
        tables: tables that a first run writes, by the name that stands in their INSERT.
        wrong_credentials: settings that the source refuses; the last one's variable is named in the message.
        unreadable: a route and paths in its answers without which no record can be loaded.
        personal_data: strings of the source that must not be found anywhere.
        folder: where its README.md and src/ are.
        env_prefix: prefix of its own variables.
        template: the file of variables an operator copies.
    """

    loader: LoaderUnderTest
    api: Api
    change: Callable[[], object]
    assert_equal: Callable[[], None]
    shown: str
    tables: tuple[str, ...]
    wrong_credentials: Mapping[str, Any]
    unreadable: tuple[str, tuple[str, ...]]
    personal_data: Callable[[], Iterable[str]]
    folder: Path
    env_prefix: str
    template: Path = TEMPLATE

    def watermarks(self) -> list[tuple]:
        """What the loader has settled."""
        return self.loader.rows("SELECT dataset, watermark FROM meta.watermarks FINAL ORDER BY dataset")

    def figures(self) -> list[tuple]:
        """What readers see."""
        return self.loader.rows(self.shown)

    def spoil(self, value: object) -> None:
        """Make the next answer of the unreadable route so, with this value."""
        route, paths = self.unreadable
        self.api.inject("edit", route=route, edits=[{"path": path, "value": value} for path in paths])

    def runs(self) -> list[dict[str, Any]]:
        """Rows of meta.etl_runs."""
        names = ("status", "mode", "exit_code", "rows_read", "rows_written", "requests", "version", "error")
        rows = self.loader.rows(
            f"SELECT {', '.join(names)} FROM meta.etl_runs "  # noqa: S608
            f"WHERE loader = '{self.loader.NAME}'"
        )
        return [dict(zip(names, row, strict=True)) for row in rows]


PASSING: dict[str, dict[str, Any]] = {
    "503-three-times": {"kind": "status", "status": 503, "times": 3},
    "cut": {"kind": "cut"},
    "truncated": {"kind": "truncate"},
    "html": {"kind": "html"},
    "429": {"kind": "status", "status": 429, "retry_after": 7},
    "clock-ahead": {"kind": "clock_skew", "seconds": 600, "times": 0},
    "500": {"kind": "status", "status": 500},
    "429-without-a-hint": {"kind": "status", "status": 429, "times": 2},
    "reset": {"kind": "cut", "reset": True},
    "cut-before-the-body": {"kind": "cut", "keep": 0},
    "empty": {"kind": "truncate", "keep": 0},
    "another-envelope": {"kind": "status", "status": 200, "body": {"status": "error", "code": 5}},
    "no-envelope": {"kind": "status", "status": 200, "body": "[]"},
    "in-pieces": {"kind": "slow", "seconds": 0.05, "pieces": 20},
    "clock-behind": {"kind": "clock_skew", "seconds": -600, "times": 0},
}
LASTING: dict[str, tuple[dict[str, Any], int]] = {
    "503": ({"kind": "status", "status": 503}, 69),
    "html": ({"kind": "html"}, 69),
    "truncated": ({"kind": "truncate"}, 69),
    "cut": ({"kind": "cut"}, 69),
    "429-past-the-deadline": ({"kind": "status", "status": 429, "retry_after": 7200}, 75),
    "redirect": ({"kind": "status", "status": 302, "headers": {"location": "https://other.example/"}}, 78),
}
# Faults of ClickHouse that pass: `{table}` stands for each table the loader writes.
WAITED_OUT: dict[str, Fault] = {
    "dropped": Fault("drop", skip=4, times=2),
    "answer-to-a-write-lost": Fault("lose", text="INSERT", times=2),
    "too-many-parts": Fault("error", code=252, text="INSERT INTO zakaz.{table}", times=2),
    "answer-lost": Fault("lose", text="{table}", times=1),
    "answer-to-the-run-row-lost": Fault("lose", text="INSERT INTO meta.etl_runs", times=1),
    "too-many-queries": Fault("error", code=202, skip=5, times=2),
    "read-only-table": Fault("error", code=242, text="INSERT", skip=1, times=2),
    "memory": Fault("error", code=241, skip=3, times=2),
    "slow": Fault("slow", seconds=0.3, skip=2, times=5),
}
GIVEN_UP: dict[str, tuple[Fault, int, str]] = {
    "disk-full": (Fault("error", code=243, text="INSERT"), 74, "disk is full"),
    "down": (Fault("drop", skip=3), 69, "CLICKHOUSE_HOST"),
    "no-right": (Fault("error", code=497, text="{table}"), 78, "lacks a right"),
    "no-table": (Fault("error", code=60, text="{table}"), 78, "apply the schema"),
    "read-only": (Fault("error", code=164, text="INSERT"), 69, "164"),
    "disk-full-for-the-run-row": (Fault("error", code=243, text="etl_runs"), 74, "disk is full"),
    "disk-full-for-the-watermark": (Fault("error", code=243, text="meta.watermarks"), 74, "disk is full"),
}
_QUICK_PASSING = 6  # of PASSING, and on the last route only: the others are slow tests
_QUICK_CLICKHOUSE = 2


class LoaderContract:
    """The rules. `ROUTES` are patterns of the API's paths that a run asks for, the most important last;
    a passing fault strikes the `NTH` request of each: more than one where a first run turns pages.

    Beside the class stands a fixture `subject`.
    """

    ROUTES: ClassVar[tuple[str, ...]]
    NTH: ClassVar[int] = 1
    pytestmark = pytest.mark.patient

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Every fault on every route and every table; those beyond a first few are slow."""
        names = set(metafunc.fixturenames)
        if {"route", "passing"} <= names:
            places = [(route, name) for route in reversed(self.ROUTES) for name in PASSING]
            metafunc.parametrize(("route", "passing"), _slow_after(places, _QUICK_PASSING))
        elif {"route", "lasting"} <= names:
            lasting = [(route, name) for route in reversed(self.ROUTES) for name in LASTING]
            metafunc.parametrize(("route", "lasting"), _slow_after(lasting, len(LASTING)))
        elif "waited_out" in names:
            metafunc.parametrize("waited_out", _slow_after([(name,) for name in WAITED_OUT], _QUICK_CLICKHOUSE))
        elif "given_up" in names:
            metafunc.parametrize("given_up", _slow_after([(name,) for name in GIVEN_UP], _QUICK_CLICKHOUSE))
        elif "rounds" in names:
            many = int(os.environ.get("KILL_ROUNDS", "50"))
            metafunc.parametrize("rounds", [3, pytest.param(many, marks=pytest.mark.slow)])

    # --- the source

    def test_a_passing_fault_of_the_source_is_ridden_out(self, subject: Subject, route: str, passing: str) -> None:
        loader, api = subject.loader, subject.api
        fault = {"route": route, **PASSING[passing]}
        api.inject(nth=self.NTH, **fault)
        assert loader.run() == 0
        assert fault.get("times") == 0 or api.pending_faults() == [], "it was asked for often enough to strike"
        subject.assert_equal()
        api.reset()
        subject.change()
        api.inject(**fault)
        assert loader.run() == 0
        api.reset()
        assert loader.run() == 0, "what a skewed clock left for later"
        subject.assert_equal()

    def test_a_429_is_waited_for_as_long_as_was_asked(self, subject: Subject) -> None:
        subject.api.inject("status", route=self.ROUTES[-1], status=429, times=2, retry_after=37)
        assert subject.loader.run() == 0
        assert [wait for wait in subject.loader.waits if wait > 1] == [37.0, 37.0]

    def test_a_lasting_fault_of_the_source_fails_clearly_and_settles_nothing(
        self, subject: Subject, capsys: pytest.CaptureFixture[str], route: str, lasting: str
    ) -> None:
        loader, api = subject.loader, subject.api
        assert loader.run() == 0
        settled, figures = subject.watermarks(), subject.figures()
        assert settled and figures, "a first run leaves both"
        subject.change()
        fault, code = LASTING[lasting]
        api.inject(route=route, times=0, **fault)
        answer = _run(subject, capsys)
        assert answer["exit_code"] == code
        assert subject.watermarks() == settled
        assert subject.figures() == figures
        status, exit_code, error = loader.last_run("status", "exit_code", "error")
        assert status == ("stopped" if code == 75 else "failed")
        assert exit_code == code
        assert error and "\n" not in error and "Traceback" not in error
        api.reset()
        assert loader.run() == 0
        subject.assert_equal()

    def test_credentials_that_are_refused_are_named(self, subject: Subject, capsys: pytest.CaptureFixture[str]) -> None:
        wrong = replace(subject, loader=subject.loader.having(**subject.wrong_credentials))
        answer = _run(wrong, capsys)
        assert answer["exit_code"] == 78
        assert list(subject.wrong_credentials)[-1].upper() in answer["error"]
        assert not any(str(value) in answer["error"] for value in subject.wrong_credentials.values())

    def test_data_that_cannot_be_read_fail_the_run_and_are_listed(
        self, subject: Subject, capsys: pytest.CaptureFixture[str]
    ) -> None:
        subject.spoil(["?"])
        assert _run(subject, capsys)["exit_code"] == 65
        assert subject.watermarks() == []
        assert subject.loader.one("SELECT count() FROM meta.rejected_records") > 0
        subject.api.reset()
        assert subject.loader.run() == 0
        subject.assert_equal()

    # --- ClickHouse

    def test_a_passing_fault_of_clickhouse_is_waited_out(self, subject: Subject, waited_out: str) -> None:
        for table in subject.tables if "{table}" in WAITED_OUT[waited_out].text else ("",):
            _empty(subject)
            with misbehaving(subject.loader.clickhouse_port) as proxy:
                client = proxy.client()
                proxy.faults.append(_at(WAITED_OUT[waited_out], table))
                assert subject.loader.via(client).run() == 0, table
                assert proxy.struck > 0, table
                subject.assert_equal()
                proxy.faults.clear()
                again = subject.loader.via(client)
                assert again.run() == 0
                assert again.last_run("rows_written") == (0,), "what was written twice differs from what is there"
                subject.assert_equal()
                client.close()

    def test_a_lasting_fault_of_clickhouse_fails_clearly_and_the_next_run_mends_it(
        self, subject: Subject, capsys: pytest.CaptureFixture[str], given_up: str
    ) -> None:
        fault, code, told = GIVEN_UP[given_up]
        impatient = replace(subject, loader=subject.loader.having(loader_deadline_seconds=60))
        for table in subject.tables if "{table}" in fault.text else ("",):
            _empty(subject)
            with misbehaving(subject.loader.clickhouse_port) as proxy:
                client = proxy.client()
                proxy.faults.append(_at(fault, table))
                answer = _run(replace(impatient, loader=impatient.loader.via(client)), capsys)
                client.close()
            assert answer["exit_code"] == code, table
            assert told in answer["error"]
            assert subject.watermarks() == []
            assert subject.loader.run() == 0
            subject.assert_equal()

    @pytest.mark.slow
    def test_a_disk_that_fills_at_any_statement_is_mended_by_the_next_run(self, subject: Subject) -> None:
        with misbehaving(subject.loader.clickhouse_port) as proxy:
            client = proxy.client()
            through = subject.loader.via(client)
            before = len(proxy.statements)
            assert through.run() == 0
            for number in range(len(proxy.statements) - before):
                _empty(subject)
                proxy.faults[:] = [Fault("error", code=243, skip=number)]
                assert through.run() in (0, 74), number
                proxy.faults.clear()
                assert through.run() == 0, number
                subject.assert_equal()
            client.close()

    def test_no_clickhouse_is_69_with_a_sentence(self, subject: Subject) -> None:
        done = subject.loader.command("run", CLICKHOUSE_PORT="9", LOADER_DEADLINE_SECONDS="10")
        _assert_told(done, 69, "did not answer")

    # --- repetition

    def test_the_same_answers_again_change_nothing(self, subject: Subject) -> None:
        loader = subject.loader
        assert loader.run() == 0
        subject.assert_equal()
        assert loader.last_run("rows_written") > (0,)
        figures, before = subject.figures(), _contents(subject)
        assert loader.run() == 0
        assert loader.last_run("rows_written") == (0,)
        loader.client.command("TRUNCATE TABLE meta.watermarks")
        assert loader.run() == 0
        assert loader.last_run("rows_written") == (0,), "everything read again, as after a restore"
        assert _contents(subject) == before
        assert subject.figures() == figures
        assert subject.api.violations == [], "a loader reads"

    def test_a_run_killed_anywhere_is_made_good_by_the_next(self, subject: Subject, rounds: int) -> None:
        loader = subject.loader
        assert loader.run() == 0
        subject.change()
        process = loader.start("run")  # not the first one, which works longer than those that follow
        _wait_until_it_works(process)
        began = time.monotonic()
        assert finished(process).returncode == 0
        working = time.monotonic() - began
        chance = random.Random(int(os.environ.get("KILL_SEED", "20261123")))  # noqa: S311
        killed = 0
        for turn in range(rounds):
            if turn % 5 == 4:  # a first run into an empty warehouse, too
                _empty(subject)
            subject.change()
            process = loader.start("run")
            _wait_until_it_works(process)
            time.sleep(chance.uniform(0, working))
            process.send_signal(signal.SIGKILL)
            killed += finished(process).returncode == -signal.SIGKILL
            done = loader.command("run")
            assert done.returncode == 0, (turn, done.stdout)
            subject.assert_equal()
        # Of a few, all may have finished before the signal.
        assert rounds < 10 or killed * 4 >= rounds, f"only {killed} of {rounds} were killed while they worked"

    def test_of_two_runs_at_once_one_works_and_the_other_leaves(self, subject: Subject) -> None:
        subject.api.inject("slow", route=self.ROUTES[0], seconds=2)
        first = subject.loader.start("run")
        _wait_until_it_works(first)
        second = subject.loader.command("run")
        _assert_told(second, 75, f"another run of {subject.loader.NAME} is working")
        assert f"pid {first.pid}" in second.last["error"]
        assert finished(first).returncode == 0
        subject.assert_equal()

    def test_sigterm_ends_a_run_cleanly(self, subject: Subject) -> None:
        subject.api.inject("slow", route=self.ROUTES[0], seconds=5)
        process = subject.loader.start("run")
        _wait_until_it_works(process)
        time.sleep(0.3)
        process.terminate()
        _assert_told(finished(process), 75, "SIGTERM asked the run to stop")
        subject.api.reset()
        assert subject.loader.run() == 0
        subject.assert_equal()

    # --- what is said

    def test_a_run_leaves_its_row_and_its_answer(self, subject: Subject) -> None:
        done = subject.loader.command("run")
        assert done.returncode == 0, done.stdout + done.stderr
        (row,) = subject.runs()
        assert (row["status"], row["mode"], row["exit_code"], row["error"]) == ("success", "run", 0, "")
        assert row["version"] == subject.loader.VERSION
        assert row["rows_read"] > 0 and row["rows_written"] > 0
        assert row["requests"] == subject.api.count()
        last = done.last
        assert (last["event"], last["loader"], last["dry_run"]) == ("run_finished", subject.loader.NAME, False)
        assert (last["rows_read"], last["rows_written"]) == (row["rows_read"], row["rows_written"])
        assert last["rows_rejected"] == 0

    def test_a_quiet_run_still_gives_its_answer(self, subject: Subject) -> None:
        done = subject.loader.command("run", LOADER_LOG_LEVEL="error")
        assert [line["event"] for line in done.lines] == ["run_finished"]

    def test_a_dry_run_needs_nothing_and_touches_nothing(self, subject: Subject, tmp_path: Path) -> None:
        bare = replace(subject.loader, settings={}, state_dir=tmp_path / "none")
        unset = dict.fromkeys(("CLICKHOUSE_HOST", "CLICKHOUSE_PORT", "CLICKHOUSE_USER", "CLICKHOUSE_PASSWORD"))
        for arguments in (("run", "--dry-run"), ("dry-run",)):
            done = bare.command(*arguments, **unset)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "stub mode" in done.stdout
            last = done.last
            assert (last["event"], last["status"], last["dry_run"]) == ("run_finished", "success", True)
            assert (last["rows_written"], last["rows_rejected"], last["requests"]) == (0, 0, {})
            assert last["rows_read"] > 0
        assert not bare.state_dir.exists()
        # with everything at hand it is the same
        assert subject.loader.command("dry-run").returncode == 0
        assert subject.api.count() == 0
        assert subject.runs() == [] and subject.figures() == []
        assert bare.command("dry-run", **_template(subject)).returncode == 0, "it takes the template as it is"

    def test_a_wrong_setting_is_78_and_one_sentence(self, subject: Subject) -> None:
        own = next(name.upper() for name in subject.loader.SETTINGS.model_fields if _is_own(subject, name))
        misspelt = own[:-2] + own[-1] + own[-2]
        _assert_told(subject.loader.command("run", **{misspelt: "x"}), 78, f"{misspelt} is not a setting")
        _assert_told(subject.loader.command("run", CLICKHOUSE_HOST=None), 78, "CLICKHOUSE_HOST is not set")
        _assert_told(subject.loader.command("run", LOADER_BATCH_ROWS="many"), 78, "LOADER_BATCH_ROWS is wrong")
        assert subject.api.count() == 0

    def test_check_and_status_answer_without_secrets(self, subject: Subject) -> None:
        assert subject.loader.run() == 0
        for verb in ("check", "status"):
            done = subject.loader.command(verb)
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.lines and not [secret for secret in _secrets(subject) if secret in done.stdout + done.stderr]

    # --- personal data and documents

    def test_no_personal_data_gets_downstream(
        self, subject: Subject, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        metrics = tmp_path / "loader.prom"
        loader = subject.loader.having(loader_metrics_file=metrics, loader_log_level="debug")
        talking = replace(subject, loader=loader)
        configure_logs("debug", loader.NAME)
        assert loader.run() == 0
        # Faults make a loader talk: damaged answers, rejected records, refusals.
        subject.change()
        subject.api.inject("truncate", route=self.ROUTES[-1])
        assert loader.run() == 0
        talking.spoil([ADDRESS])
        assert loader.run() in (0, 65)
        subject.api.inject("status", route="/api/*", times=0, status=500, body={"error": ADDRESS, "code": "X"})
        assert loader.run() == 69
        output = capsys.readouterr()
        state = [path.read_text() for path in loader.state_dir.rglob("*") if path.is_file()]
        text = "\n".join([everything_in_clickhouse(loader), output.out, output.err, metrics.read_text(), *state])
        personal = {one for one in subject.personal_data() if len(one) > 4} | {ADDRESS}
        assert found(personal, text) == []
        assert [secret for secret in _secrets(subject) if secret in text] == []

    def test_no_file_of_the_image_holds_an_address_or_a_phone(self, subject: Subject) -> None:
        files = [path for path in (subject.folder / "src").rglob("*") if path.suffix in (".py", ".json")]
        assert files
        for path in files:
            assert not re.search(r"[\w.+-]+@[\w-]+\.\w+|\+7\d{10}", path.read_text()), path

    def test_source_yml_describes_every_setting_and_holds_every_default(self, subject: Subject) -> None:
        model = subject.loader.SETTINGS
        assert model.SOURCE
        own = {name: field for name, field in model.model_fields.items() if name not in CommonSettings.model_fields}
        assert {name.upper() for name in own} == set(loader_settings(read_source(model.SOURCE)))
        for name, field in own.items():
            assert field.is_required() and not field.description, f"{name}: source.yml has its default and description"

    def test_every_setting_is_documented_with_its_default(self, subject: Subject) -> None:
        model = subject.loader.SETTINGS
        told = dict(
            re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \|", (subject.folder / "README.md").read_text(), flags=re.M)
        )
        assert set(told) == {name.upper() for name in model.model_fields}
        for name, default in model.defaults().items():
            assert default in ("", None) or told[name.upper()] == f"`{_shown(default)}`", name

    def test_the_template_holds_every_setting_with_its_default_and_no_other(self, subject: Subject) -> None:
        model, template = subject.loader.SETTINGS, _template(subject)
        assert set(template) == {name.upper() for name in model.model_fields}
        for name, default in model.defaults().items():
            given = template[name.upper()]
            assert given == _shown(default) or (given == "change-me" and default == ""), name


def found(secrets: Iterable[str], text: str) -> list[str]:
    """The secrets in a text: as whole words, as the digits of an id may hold one by chance; addresses anywhere."""
    words = {word.strip(".-") for word in re.findall(r"[\w@.+*-]+", text)}
    return sorted(secret for secret in secrets if secret in words or ("@" in secret and secret in text))


def _shown(default: Any) -> str:
    """A default as an env file has it."""
    return "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _slow_after(values: list[Any], quick: int) -> list[Any]:
    def param(at: int, value: tuple[str, ...]) -> Any:
        name = "-".join(part.strip("*/").replace("/", ".") for part in value)
        return pytest.param(*value, marks=[pytest.mark.slow] if at >= quick else [], id=name)

    return [param(at, value) for at, value in enumerate(values)]


def _run(subject: Subject, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """One run; its answer with its exit code."""
    configure_logs("info", subject.loader.NAME)
    capsys.readouterr()
    code = subject.loader.run()
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["event"] == ("run_finished" if code == 0 else "run_failed")
    assert answer.setdefault("exit_code", 0) == code
    return answer


def _wait_until_it_works(process: Any) -> None:
    line = process.stdout.readline()
    assert "run_started" in line, line + process.stderr.read()


def _assert_told(done: Finished, code: int, sentence: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    last = done.last
    assert last["event"] == "run_failed"
    assert sentence in last["error"]
    assert "\n" not in last["error"] and "Traceback" not in done.stdout + done.stderr


def _at(fault: Fault, table: str) -> Fault:
    return replace(fault, text=fault.text.replace("{table}", table))


def _empty(subject: Subject) -> None:
    from zakaz_common.testing import warehouse_engine

    warehouse_engine.empty(subject.loader.client)
    for path in subject.loader.state_dir.glob(f"{subject.loader.NAME}.resume.json"):
        path.unlink()


def _contents(subject: Subject) -> dict[str, tuple]:
    """Rows and digest of every table of the warehouse, versions of all rows included."""
    return {
        name: subject.loader.rows(f"SELECT count(), groupBitXor(cityHash64(*)) FROM zakaz.{name} FINAL")[0]  # noqa: S608
        for (name,) in subject.loader.rows(
            "SELECT name FROM system.tables WHERE database = 'zakaz' AND engine LIKE '%MergeTree'"
        )
    }


def everything_in_clickhouse(loader: LoaderUnderTest) -> str:
    """Every cell of every table, as text."""
    tables = loader.rows(
        "SELECT database, name FROM system.tables WHERE database IN ('zakaz', 'meta') AND engine LIKE '%MergeTree'"
    )
    return "\n".join(str(row) for base, name in tables for row in loader.rows(f"SELECT * FROM {base}.{name}"))  # noqa: S608


def _secrets(subject: Subject) -> list[str]:
    settings = subject.loader.configured()
    values = [value.get_secret_value() for value in dict(settings).values() if isinstance(value, SecretStr)]
    return [value for value in values if len(value) > 4]


def _is_own(subject: Subject, name: str) -> bool:
    return name.upper().startswith(subject.env_prefix)


def _template(subject: Subject) -> dict[str, str]:
    """The loader's variables of the template: its own, and those of every loader."""
    lines = [line for line in subject.template.read_text().splitlines() if line and not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    prefixes = (subject.env_prefix, "CLICKHOUSE_", "LOADER_")
    return {name: value for name, value in given.items() if name.startswith(prefixes)}
