"""What the gate found and decided, in words and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from search_rerank.config import GateConfig


@dataclass(frozen=True)
class Finding:
    """The outcome of one question.

    Parameters
    ----------
    what
        `quality`, `latency` or `size`.
    passed
        Whether it lets the bundle through.
    reason
        Why, with the figures, in one sentence.
    figures
        The same for programs.
    """

    what: str
    passed: bool
    reason: str
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """All findings about one bundle.

    Parameters
    ----------
    live
        Version of the live bundle it was held against, None where there was none.
    settings
        What was asked of it.
    """

    findings: Sequence[Finding]
    live: str | None
    settings: GateConfig

    @property
    def passed(self) -> bool:
        """Whether every finding lets the bundle through."""
        return all(one.passed for one in self.findings)

    def lines(self) -> list[str]:
        """Return a line a finding."""
        return [
            f"gate: {one.what} {'passed' if one.passed else 'REFUSED'}: {one.reason}"
            for one in self.findings
        ]

    def write(self, bundles: Path, version: str) -> Path:
        """Write the decision about a bundle beside it, as `VERSION.gate.json`; return the file."""
        path = bundles / f"{version}.gate.json"
        row = {
            "bundle": version,
            "live": self.live,
            "passed": self.passed,
            "findings": self.findings,
            "settings": self.settings.model_dump(),
        }
        path.write_bytes(orjson.dumps(row, option=orjson.OPT_INDENT_2))
        return path
