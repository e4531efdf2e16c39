"""A bundle: a folder with all that the service needs to rerank, made of text, JSON and arrays.

`manifest.json` names the parts and the hash of each file; `config.json` holds the settings it was
trained with; `catalogue.npz` and `scorers/NAME.safetensors` arrays; `encoder/` and `fusions/` what
those save of themselves, with `selection.json`: which fusion of a task serves and why;
`propensities.json` the position bias they were corrected for, if any. The name is a hash of its
files, so equal training gives an equal name.
Loading can never run code: `search_rerank.arrays` reads no objects.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from search_rerank.arrays import read_columns, read_tensors, write_columns, write_tensors
from search_rerank.config import Config, parse_config
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.learnt import LearntFrom
from search_rerank.encoders import load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.errors import BundleError, SearchRerankError
from search_rerank.fusion import load_fusion
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.selection import Selection
from search_rerank.labels.propensity import Propensities
from search_rerank.manifest import FORMAT, check_files, hash_of, name_of, read_manifest
from search_rerank.scorers import restore
from search_rerank.scorers.base import Scorer

_ASIDE = ".writing-"
_PROPENSITIES = "propensities.json"
_ABANDONED_S = 86_400.0
"""A folder that was written aside for this long belongs to a process that was killed."""
_LEARNT_WITH = {"retrieval", "encoder", "features", "scorers", "labels", "training"}
"""Sections of the settings that a bundle keeps; where it was made does not change its name."""


@dataclass(frozen=True)
class Bundle:
    """Everything learnt: what the pipeline ranks with, and the fusions that evaluation compares.

    Parameters
    ----------
    catalogue
        Columns of the items known at training.
    scorers
        Fitted on the whole log.
    encoder
        What made the catalogue's vectors.
    fusions
        Prefix of the task to name to fusion, as `search_rerank.training.train` returns them.
    features
        Names of the feature columns, in order.
    config
        The settings of the training; of a loaded bundle, where things are has the defaults.
    learnt
        Which part of the log the scorers have seen, None in bundles of earlier releases.
    version
        The bundle's name, None before it is saved.
    selections
        Prefix of the task to which of its fusions serves, and why; the cascade where it is missing.
    propensities
        The position bias that the fusions were corrected for, None where they were not.
    """

    catalogue: Catalogue
    scorers: Sequence[Scorer]
    encoder: Encoder
    fusions: Mapping[str, Mapping[str, Fusion]]
    features: Sequence[str]
    config: Config
    learnt: LearntFrom | None = None
    version: str | None = None
    selections: Mapping[str, Selection] = field(default_factory=dict)
    propensities: Propensities | None = None

    @property
    def selection(self) -> Selection:
        """Which fusion serves: that of the task that searches the whole catalogue."""
        return self.selections.get(self._serving, Selection("cascade"))

    @property
    def ranker(self) -> Fusion:
        """The fusion that serves."""
        return self.serving[self.selection.chosen]

    @property
    def serving(self) -> Mapping[str, Fusion]:
        """The fusions of the task that searches the whole catalogue, by name."""
        return self.fusions[self._serving]

    @property
    def _serving(self) -> str:
        return "e2e_" if self.fusions.get("e2e_") else ""


def save_bundle(bundle: Bundle, folder: Path) -> str:
    """Write a bundle under a folder, aside and then renamed; return its name.

    A bundle of that name that has been damaged meanwhile is replaced: training again mends it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
    _remove_abandoned(folder, aside.stat().st_mtime)
    try:
        _write_parts(bundle, aside)
        files = {
            str(p.relative_to(aside)): hash_of(p) for p in sorted(aside.rglob("*")) if p.is_file()
        }
        version = name_of(files)
        manifest = {
            "format": FORMAT,
            "version": version,
            "features": list(bundle.features),
            "encoder": bundle.encoder.fingerprint,
            "dim": bundle.encoder.dim,
            "items": len(bundle.catalogue),
            "scorers": [{"name": s.name, "options": s.options()} for s in bundle.scorers],
            "fusions": {prefix: sorted(task) for prefix, task in bundle.fusions.items()},
            "serves": bundle.selection.as_json(),
            "learnt": bundle.learnt and asdict(bundle.learnt),
            "files": files,
        }
        _write_json(aside / "manifest.json", manifest)
        os.chmod(aside, 0o755)
        _put(aside, folder / version)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return version


def _put(aside: Path, target: Path) -> None:
    """Give a folder its name, unless a whole bundle has it: the same bytes are there then."""
    try:
        aside.rename(target)
        return
    except OSError:
        if not target.is_dir():
            raise
    try:
        check_files(target, read_manifest(target)["files"])
    except BundleError:
        damaged = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=target.parent))
        target.rename(damaged)
        aside.rename(target)
        shutil.rmtree(damaged)
    else:
        shutil.rmtree(aside)


def _remove_abandoned(folder: Path, now_s: float) -> None:
    for left in folder.glob(f"{_ASIDE}*"):
        if now_s - left.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)


def _write_parts(bundle: Bundle, folder: Path) -> None:
    settings = bundle.config.model_dump(mode="json", include=_LEARNT_WITH)
    _write_json(folder / "config.json", settings)
    write_columns(folder / "catalogue.npz", bundle.catalogue.arrays())
    (folder / "scorers").mkdir()
    for scorer in bundle.scorers:
        write_tensors(_scorer(folder, scorer.name), scorer.arrays())
    (folder / "encoder").mkdir()
    bundle.encoder.save(folder / "encoder")
    for prefix, task in bundle.fusions.items():
        for name, fusion in task.items():
            place = folder / "fusions" / _task(prefix) / name
            place.mkdir(parents=True)
            fusion.save(place)
    for prefix, selection in bundle.selections.items():
        _write_json(_selection(folder, prefix), selection.as_json())
    if bundle.propensities is not None:
        _write_json(folder / _PROPENSITIES, bundle.propensities.as_json())


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every file against its hash.

    Raises
    ------
    BundleError
        When it is missing, of another format or release, or a file is missing or altered.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest["files"])
    try:
        return _read_parts(folder, manifest)
    except BundleError:
        raise
    except (SearchRerankError, KeyError, TypeError, ValueError, OSError) as error:
        # The files are those that were written: what differs is the code that reads them.
        raise BundleError(
            f"{folder}: written by another release ({type(error).__name__}: {error}); train again"
        ) from error


def _read_parts(folder: Path, manifest: Any) -> Bundle:
    fusions = {
        prefix: {
            name: load_fusion(name, folder / "fusions" / _task(prefix) / name) for name in names
        }
        for prefix, names in manifest["fusions"].items()
    }
    return Bundle(
        catalogue=Catalogue.from_arrays(read_columns(folder / "catalogue.npz")),
        scorers=[
            restore(row["name"], row["options"], read_tensors(_scorer(folder, row["name"])))
            for row in manifest["scorers"]
        ],
        encoder=load_encoder(folder / "encoder"),
        fusions=fusions,
        features=tuple(manifest["features"]),
        config=parse_config(orjson.loads((folder / "config.json").read_bytes())),
        learnt=LearntFrom(**manifest["learnt"]) if manifest.get("learnt") else None,
        version=manifest["version"],
        selections={
            prefix: Selection.from_json(orjson.loads(path.read_bytes()))
            for prefix in manifest["fusions"]
            if (path := _selection(folder, prefix)).is_file()
        },
        propensities=(
            Propensities.from_json(orjson.loads((folder / _PROPENSITIES).read_bytes()))
            if _PROPENSITIES in manifest["files"]
            else None
        ),
    )


def _scorer(folder: Path, name: str) -> Path:
    return folder / "scorers" / f"{name}.safetensors"


def _selection(folder: Path, prefix: str) -> Path:
    return folder / "fusions" / _task(prefix) / "selection.json"


def _task(prefix: str) -> str:
    return prefix.strip("_") or "main"


def _write_json(path: Path, value: object) -> None:
    path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
