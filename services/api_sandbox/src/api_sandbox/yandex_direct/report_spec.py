"""What a request for a report asks for, and what the service refuses to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from api_sandbox.season.moscow_time import today
from api_sandbox.yandex_direct.errors import DirectError, malformed
from api_sandbox.yandex_direct.report_fields import (
    FIELDS,
    FILTERABLE,
    INCOMPATIBLE,
    METRICS,
    NOT_BY_CAMPAIGN,
    OPERATORS,
    PERIODS,
    SORTABLE,
    TIMES,
)

TYPES = ("AD_PERFORMANCE_REPORT", "CAMPAIGN_PERFORMANCE_REPORT", "CUSTOM_REPORT")
_LAST = {f"LAST_{n}_DAYS": n for n in (3, 5, 7, 14, 30, 90, 365)}
_REQUIRED = ("SelectionCriteria", "FieldNames", "ReportName", "ReportType", "DateRangeType", "Format", "IncludeVAT")
_KEYS = frozenset({*_REQUIRED, "Goals", "AttributionModels", "Page", "OrderBy", "IncludeDiscount"})
# Names of models that were replaced, and what they count as today.
_MODELS = {"FC": "FCCD", "LSC": "LSCCD", "LYDC": "AUTO", "LYDCCD": "AUTO"}
_KNOWN_MODELS = frozenset({"FCCD", "LC", "LSCCD", "AUTO", *_MODELS})
_MOST_FILTER_VALUES, _MOST_GOALS, _LONGEST_NAME = 10_000, 10, 255


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; all of a request must hold."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportSpec:
    """A readable request. ``first`` and ``last`` are None where ``range`` tells the days."""

    name: str
    type: str
    fields: tuple[str, ...]
    range: str
    first: date | None
    last: date | None
    filters: tuple[Filter, ...]
    order: tuple[tuple[str, bool], ...]
    limit: int | None
    offset: int
    with_vat: bool
    goals: tuple[str, ...]
    models: tuple[str, ...]

    def period(self, corrected: date | None) -> tuple[date, date]:
        """The days asked for; ``corrected`` is the earliest day that was corrected of late, which AUTO knows of."""
        now = today()
        yesterday = now - timedelta(days=1)
        if self.first and self.last:
            return self.first, self.last
        if self.range in _LAST:
            return now - timedelta(days=_LAST[self.range]), yesterday
        monday, month = now - timedelta(days=now.weekday()), now.replace(day=1)
        last_month = month - timedelta(days=1)
        return {
            "TODAY": (now, now),
            "YESTERDAY": (yesterday, yesterday),
            "THIS_WEEK_MON_TODAY": (monday, now),
            "LAST_WEEK": (monday - timedelta(days=7), monday - timedelta(days=1)),
            "THIS_MONTH": (month, now),
            "LAST_MONTH": (last_month.replace(day=1), last_month),
            "ALL_TIME": (earliest_day(), now),
            "AUTO": (min(now - timedelta(days=3), corrected or now), yesterday),
        }[self.range]


def earliest_day() -> date:
    """The first day of the current month three years ago: before it there are no statistics."""
    now = today()
    return now.replace(year=now.year - 3, day=1)


def read_spec(document: Any) -> ReportSpec:
    """The request of a decoded body. Raises DirectError."""
    if not isinstance(document, dict) or not isinstance(params := document.get("params"), dict):
        raise malformed("Не указан обязательный параметр params")
    if "method" in document:
        raise malformed("Неизвестный параметр method")
    if unknown := sorted(params.keys() - _KEYS):
        raise malformed(f"Неизвестный параметр {unknown[0]}")
    for key in _REQUIRED:
        if key not in params:
            raise malformed(f"Не указан обязательный параметр {key}")
    kind = _one_of(params, "ReportType", TYPES)
    _one_of(params, "Format", ("TSV",))
    vat = _one_of(params, "IncludeVAT", ("YES", "NO"))
    if params.get("IncludeDiscount", "NO") != "NO":
        raise malformed("Параметр IncludeDiscount больше не поддерживается")
    period = _one_of(params, "DateRangeType", (*PERIODS, *_LAST))
    criteria = params["SelectionCriteria"]
    if not isinstance(criteria, dict):
        raise malformed("SelectionCriteria: ожидается структура")
    if unknown := sorted(criteria.keys() - {"DateFrom", "DateTo", "Filter"}):
        raise malformed(f"SelectionCriteria: неизвестный параметр {unknown[0]}")
    first, last = _dates(criteria, period)
    name = params["ReportName"]
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise malformed(f"ReportName: ожидается строка до {_LONGEST_NAME} символов")
    fields = _fields(params["FieldNames"], kind)
    page = params.get("Page") or {}
    limit, offset = page.get("Limit"), page.get("Offset", 0)
    if not all(isinstance(n, int) and n >= least for n, least in ((limit if limit is not None else 1, 1), (offset, 0))):
        raise malformed("Page: ожидаются целые числа")
    goals = tuple(str(goal) for goal in params.get("Goals") or ())
    models = tuple(params.get("AttributionModels") or (("LC",) if goals else ()))
    if len(goals) > _MOST_GOALS:
        raise DirectError(4001, f"Goals: не более {_MOST_GOALS}")
    if unknown := [model for model in models if model not in _KNOWN_MODELS]:
        raise malformed(f"AttributionModels: неизвестное значение {unknown[0]}")
    return ReportSpec(
        name, kind, fields, period, first, last, _filters(criteria.get("Filter") or ()),
        _order(params.get("OrderBy") or (), fields), limit, offset, vat == "YES",
        goals, tuple(_MODELS.get(model, model) for model in models),
    )  # fmt: skip


def _one_of(params: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
    if params[key] not in known:
        raise malformed(f"{key}: недопустимое значение {params[key]}")
    return str(params[key])


def _dates(criteria: Mapping[str, Any], period: str) -> tuple[date | None, date | None]:
    given = [key for key in ("DateFrom", "DateTo") if key in criteria]
    if period != "CUSTOM_DATE":
        if given:
            raise malformed(f"{given[0]} не указывается, если DateRangeType не CUSTOM_DATE")
        return None, None
    if len(given) < 2:
        raise malformed("DateFrom и DateTo обязательны, если DateRangeType — CUSTOM_DATE")
    try:
        first, last = (date.fromisoformat(criteria[key]) for key in given)
    except (TypeError, ValueError):
        raise malformed("DateFrom и DateTo: ожидаются даты вида YYYY-MM-DD") from None
    if last < first:
        raise malformed("DateFrom не может быть позже DateTo")
    if first < earliest_day():
        raise malformed(f"Статистика доступна с {earliest_day()}")
    return first, last


def _fields(names: Any, kind: str) -> tuple[str, ...]:
    if not isinstance(names, list) or not names:
        raise malformed("FieldNames: массив не может быть пустым")
    if unknown := [name for name in names if name not in FIELDS]:
        raise malformed(f"FieldNames: неизвестное поле {unknown[0]}")
    if len(set(names)) < len(names):
        raise malformed("FieldNames: поля повторяются")
    if len(TIMES & set(names)) > 1:
        raise malformed("FieldNames: поля Date, Week, Month, Quarter и Year несовместимы")
    if kind == "CAMPAIGN_PERFORMANCE_REPORT" and (wrong := [name for name in names if name in NOT_BY_CAMPAIGN]):
        raise malformed(f"FieldNames: поле {wrong[0]} недопустимо в {kind}")
    for name, others in INCOMPATIBLE.items():
        if name in names and (met := [other for other in names if other in others]):
            raise malformed(f"FieldNames: поля {name} и {met[0]} несовместимы")
    return tuple(names)


def _filters(asked: Any) -> tuple[Filter, ...]:
    found: list[Filter] = []
    for one in asked:
        if not isinstance(one, dict) or one.keys() != {"Field", "Operator", "Values"}:
            raise malformed("Filter: ожидаются Field, Operator и Values")
        field, operator, values = one["Field"], one["Operator"], one["Values"]
        if field not in FILTERABLE:
            raise malformed(f"Filter: поле {field} недопустимо")
        if operator not in OPERATORS:
            raise malformed(f"Filter: неизвестный оператор {operator}")
        if any(field == other.field for other in found):
            raise malformed(f"Filter: по полю {field} допустим один фильтр")
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise malformed("Filter: Values — непустой массив строк")
        if len(values) > _MOST_FILTER_VALUES:
            raise DirectError(4001, f"Filter: не более {_MOST_FILTER_VALUES} значений")
        if field in METRICS and not all(value.isdecimal() for value in values):
            raise malformed(f"Filter: {field} — целые числа, деньги в миллионных долях")
        found.append(Filter(field, operator, tuple(values)))
    return tuple(found)


def _order(asked: Any, fields: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    found = []
    for one in asked:
        field = one.get("Field") if isinstance(one, dict) else None
        if field not in SORTABLE or field not in fields:
            raise malformed(f"OrderBy: поле {field} недопустимо")
        if (direction := one.get("SortOrder", "ASCENDING")) not in ("ASCENDING", "DESCENDING"):
            raise malformed(f"OrderBy: неизвестное значение {direction}")
        found.append((field, direction == "DESCENDING"))
    return tuple(found)
