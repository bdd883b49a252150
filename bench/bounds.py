"""Ratios of a benchmark against a baseline of the same run, with their bounds: printed, noted, judged."""

from __future__ import annotations

import json
from pathlib import Path

REPORTS = Path(__file__).resolve().parents[1] / "reports" / "bench"


class Bounds:
    """Collects a benchmark's ratios; `close` notes them in reports/bench and says whether all bounds held.

    :param name: of the benchmark; its file is reports/bench/NAME.json
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ratios: list[dict[str, object]] = []

    def at_most(self, name: str, value: float, bound: float) -> None:
        """A ratio that must not pass its bound."""
        self.ratios.append({"name": name, "value": value, "bound": f"at most {bound:g}", "held": value <= bound})

    def close(self) -> int:
        """Write the file and print a line a ratio.

        :returns: exit code: 0 when every bound held, else 1
        """
        REPORTS.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"name": self.name, "ratios": self.ratios}, ensure_ascii=False, indent=2)
        (REPORTS / f"{self.name}.json").write_text(text + "\n", encoding="utf-8")
        for ratio in self.ratios:
            verdict = "held" if ratio["held"] else "BROKEN"
            print(f"{verdict:6} {ratio['name']}: {ratio['value']:.2f}, {ratio['bound']}")
        return 0 if all(ratio["held"] for ratio in self.ratios) else 1
