"""Imports run one way; this walks them and says which rule broke."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("search_rerank", "index_tools", "service")

LEVELS = (
    {"errors", "guarding", "replacing", "__init__"},
    {"explanation", "languages", "arrays", "keys", "manifest", "measures"},
    {"data", "query", "answer"},
    {"bundles", "config", "keyring", "stages", "workers"},
    {"neural"},
    {"encoders", "engines", "scorers", "state", "experiments", "labels"},
    {"features", "retriever", "indexing", "filters", "last_good"},
    {"fusion", "basis", "exploration"},
    {"occasions", "replay", "bundle"},
    {"fitting"},
    {"in_use", "trial"},
    {"following", "ranking", "recommend", "asking"},
    {"explaining", "consent"},
    {"given", "hits", "newcomers", "paging", "rules"},
    {"pipeline"},
    {"training"},
    {"workspace", "evaluation", "freshness"},
    {"skew", "gate"},
    {"commands"},
    {"cli"},
    {"__main__"},
)
"""Rooms of the library, lowest first; a room imports from its own level's other rooms never."""

SAME_LEVEL = {("answer", "data"), ("query", "data"), ("replay", "occasions"), ("data", "query")}
SAME_LEVEL |= {("answer", "query")}
"""Exceptions within a level: (importer, imported)."""

KNOW_RANKINGS_ONLY = {"measures", "grouped", "listwise", "compare", "resampling", "exposure"}
"""Files of `evaluation` that lie low, so that what learns can measure itself, too."""

HEAVY = ("torch", "lightgbm", "elasticsearch", "flask", "sklearn", "scipy", "tantivy", "duckdb")
HEAVY += ("redis", "lleaves", "llvmlite")
ONLY_IN = {
    "tantivy": "search_rerank/engines",
    "numkong": "search_rerank/engines/embedded",
    "usearch": "search_rerank/engines/embedded",
    "elasticsearch": "search_rerank/engines/elasticsearch",
    "elastic_transport": "search_rerank/engines/elasticsearch",
    "lightgbm": "search_rerank/fusion/lambdamart.py",
    "lleaves": "search_rerank/fusion/compiler.py",
    "llvmlite": "search_rerank/fusion/compile",
    "implicit": "search_rerank/scorers",
    "torch": "search_rerank/neural",
    "duckdb": "search_rerank/data",
    "redis": "search_rerank/state/redis",
    "flask": "service",
    "flask_swagger_ui": "service/openapi",
    "gunicorn": "service",
    "limits": "service/limiting.py",
    "itsdangerous": "service/cursor.py",
    "prometheus_client": "service/metrics",
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def room(module: str) -> str:
    parts = module.split(".")
    if parts[1:2] == ["evaluation"] and set(parts[2:3]) & KNOW_RANKINGS_ONLY:
        return "measures"
    return parts[1] if len(parts) > 1 else "__init__"


def level(name: str) -> int | None:
    return next((n for n, rooms in enumerate(LEVELS) if name in rooms), None)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    place = path.relative_to(ROOT)
    package = place.parts[0]
    for module in imports(path):
        target = module.split(".")[0]
        if package == "search_rerank":
            assert target not in ("index_tools", "service"), (
                f"{place}: the library imports {module}"
            )
        if package == "index_tools":
            assert target != "service", f"{place}: index_tools imports {module}"
        only = ONLY_IN.get(target)
        if only:
            assert str(place).startswith(only), f"{place} imports {module}: only {only} may"
        if package == target == "search_rerank" and module.count(".") >= 1:
            own, other = room(".".join(place.with_suffix("").parts)), room(module)
            mine, theirs = level(own), level(other)
            if own == other or theirs is None:  # theirs: a name of the package itself
                continue
            assert mine is not None, f"{place}: give the room {own} a level in this test"
            assert theirs < mine or (own, other) in SAME_LEVEL, f"{place}: {own} imports {other}"


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_concept(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 300, f"{path.relative_to(ROOT)} has {lines} lines: find the two concepts in it"


@pytest.mark.parametrize("module", ["search_rerank", "search_rerank.cli"])
def test_the_library_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, click.testing; from search_rerank.cli import main; "
        "done = click.testing.CliRunner().invoke(main, ['--help']); assert done.exit_code == 0; "
        f"print(*[m for m in {(*HEAVY, 'numpy')!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
