"""Generated requests to every operation of the document: no 5xx, and no unbounded time.

    python -m benchmarks.schemathesis [--requests 20000] [--seed 0] [--home DIR] [--json FILE]

The requests are made by schemathesis from `GET /openapi.json`: half of them as the document says,
half of them wrong in some way. They go over HTTP to a service of two workers on a generated shop,
which they change as they like; `--home` is the folder of a demo, of which a copy is made.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import requests as http
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from benchmarks.common import options, report
from benchmarks.serving import PORT, demo, served
from search_rerank.config import load_config, write_config

TIMEOUT_S = 10.0
"""A request that takes longer counts as failed."""
_PORT = PORT + 1
_SEEDS = 1_000
"""More than there are operations: each has seeds of its own."""
_FEW = 20
_RULES = ("r1", "r2")

_CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
_OF_SERVER = (414, 431)
"""What the HTTP server itself answers to lines and headers that are too long."""


@dataclass
class Fuzzed:
    """What became of the requests to one operation."""

    name: str
    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    slowest_ms: float = 0.0
    failures: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """Return it as a row of the table."""
        classes = Counter(f"{status // 100}xx" for status in self.statuses.elements())
        return {
            "what": self.name,
            "requests": self.asked,
            **{kind: classes[kind] for kind in ("2xx", "4xx", "5xx")},
            "failures": len(self.failures),
            "slowest_ms": self.slowest_ms,
        }


def fuzz(
    schema: Any,
    requests: int,
    known: Mapping[str, Sequence[str]],
    first_seed: int = 0,
    before: Callable[[], object] = lambda: None,
    **call: Any,
) -> Iterator[Fuzzed]:
    """Send requests to each operation of a schema, as many to each, and tell what became of them.

    Parameters
    ----------
    schema
        As `schemathesis.openapi` loads it.
    requests
        To all operations together; half of them are wrong in some way.
    known
        Parts of addresses, and headers, to values that there are: every other request has them.
    before
        Called before each operation: the requests to others may have removed what is known.
    call
        What `Case.call` takes.
    """
    operations = [one.ok() for one in schema.get_all_operations()]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    for number, operation in enumerate(operations):
        before()
        done = Fuzzed(operation.label)
        each = -(-requests // (len(operations) * len(modes)))
        for mode in modes:
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                _send(strategy, each, first_seed + number, done, known, call)
            except Exception as error:  # such as an operation that nothing wrong can be sent to
                if mode is GenerationMode.POSITIVE:
                    done.failures.append(f"{type(error).__name__}: {error}")
        _fill(operation, each * len(modes), first_seed + number, done, known, call)
        yield done


def _fill(
    operation: Any,
    requests: int,
    number: int,
    done: Fuzzed,
    known: Mapping[str, Sequence[str]],
    call: dict[str, Any],
) -> None:
    """Ask on where a strategy had fewer different requests than it was asked for."""
    right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    while done.asked < requests:
        before, number = done.asked, number + _SEEDS
        with suppress(Exception):
            _send(right, requests - done.asked, number, done, known, call)
        if done.asked < before + _FEW:  # one that takes little or nothing
            for _ in range(min(_FEW, requests - done.asked)):
                _ask(operation.Case(), done, known, call)


def _send(
    strategy: Any,
    requests: int,
    number: int,
    done: Fuzzed,
    known: Mapping[str, Sequence[str]],
    call: dict[str, Any],
) -> None:
    quiet = settings(
        max_examples=requests,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )

    @seed(number)
    @quiet
    @given(case=strategy)
    def ask(case: Any) -> None:
        _ask(case, done, known, call)

    ask()


def _ask(case: Any, done: Fuzzed, known: Mapping[str, Sequence[str]], call: dict[str, Any]) -> None:
    if done.asked % 2:
        _with_known(case, known, done.asked)
    done.asked += 1
    start = perf_counter()
    try:
        response = case.call(**call)
    except Exception as error:
        done.failures.append(f"{type(error).__name__}: {error} for {_told(case)}")
        return
    done.slowest_ms = max(done.slowest_ms, (perf_counter() - start) * 1000)
    done.statuses[response.status_code] += 1
    if response.status_code >= 500:
        done.failures.append(f"{response.status_code} {response.text[:300]} {_told(case)}")
    elif response.status_code not in _OF_SERVER:
        try:
            case.validate_response(response, checks=_CHECKS)
        except FailureGroup as group:
            done.failures += [
                f"{one.title}: {one.message} {_told(case)}" for one in group.exceptions
            ]


def _with_known(case: Any, known: Mapping[str, Sequence[str]], n: int) -> None:
    for told in (case.path_parameters, case.headers):
        for name in list(told or ()):
            if name in known:
                told[name] = known[name][n // 2 % len(known[name])]
    if case.path_parameters and isinstance(case.body, dict):
        case.body.pop("id", None)  # which would have to be that of the address


def known_at(address: str) -> dict[str, Sequence[str]]:
    """Return parts of addresses that a service knows."""
    hits = http.get(f"{address}/search", {"size": 20}, timeout=TIMEOUT_S).json()["hits"]
    bundles = http.get(f"{address}/bundles", timeout=TIMEOUT_S).json()["bundles"]
    return {
        "item_id": [hit["id"] for hit in hits],
        "user": ["u00001", "u00002", "nobody"],
        "rule_id": _RULES,
        "version": [one["version"] for one in bundles],
        "If-Match": ["*"],
    }


def with_rules(address: str) -> None:
    """Put the rules that `known_at` tells in the place of all others."""
    rows = [{"id": id_, "kind": "cap", "by": "brand", "most": 3} for id_ in _RULES]
    told = http.put(
        f"{address}/rules", json={"rules": rows}, headers={"If-Match": "*"}, timeout=TIMEOUT_S
    )
    told.raise_for_status()


def _told(case: Any) -> str:
    try:
        return str(case.as_curl_command())[:1_500]
    except Exception as error:
        return f"{case!r:.500} ({error})"


@click.command()
@options
@click.option("--requests", default=20_000, show_default=True, type=click.IntRange(62))
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="A demo's folder.")
@click.option("--seed", "first_seed", default=0)
def main(
    requests: int, home: Path | None, first_seed: int, data: Path | None, json_file: Path | None
) -> None:
    """Print statuses and the slowest request of each operation; failures go to stderr."""
    start = perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        home = home or demo(Path(scratch) / "demo", data)
        with served(_moved(home, Path(scratch) / "home"), workers=2, port=_PORT):
            address = f"http://127.0.0.1:{_PORT}"
            schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
            rows = []
            known = known_at(address)
            before = partial(with_rules, address)
            for done in fuzz(schema, requests, known, first_seed, before, timeout=TIMEOUT_S):
                rows.append(done.row())
                print(done.row(), file=sys.stderr)
                for failure in done.failures[:3]:
                    print(failure, file=sys.stderr)
            alive = http.get(f"{address}/readyz", timeout=TIMEOUT_S).status_code
    total = {name: sum(row[name] for row in rows) for name in ("requests", "2xx", "4xx", "5xx")}
    slowest = max(row["slowest_ms"] for row in rows)
    failures = sum(row["failures"] for row in rows)
    rows.append({"what": "all", **total, "failures": failures, "slowest_ms": slowest})
    protocol = (
        f"at least {requests} requests by schemathesis from the service's own document, about half "
        "of them wrong, over HTTP on loopback, one client, 2 workers; readyz answers "
        f"{alive} after them"
    )
    report("schemathesis", protocol, rows, {"all": perf_counter() - start}, json_file)


def _moved(home: Path, to: Path) -> Path:
    """Return a copy of a demo's home that is served from where it is."""
    shutil.copytree(home, to)
    config = load_config(to / "config.toml")
    write_config(config.model_copy(update={"home": to}), to / "config.toml")
    return to


if __name__ == "__main__":
    main()
