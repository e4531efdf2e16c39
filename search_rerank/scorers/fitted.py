"""Options and fitted arrays of a scorer in one frozen dataclass, told apart by a mark."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import Field, field, fields, replace
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import GAINS
from search_rerank.data.events import Events
from search_rerank.errors import BundleError, ConfigError, nearest
from search_rerank.scorers.news import How, News

_MOST = float(np.finfo(np.float32).max)


def gains_option() -> Any:
    """Declare the option that maps interaction types to their strength."""
    return field(default_factory=lambda: dict(GAINS))


def fitted(dtype: DTypeLike, *shape: int) -> Any:
    """Declare a field that `fit` fills; empty until then, so that an unfitted scorer has none."""
    return field(
        default_factory=lambda: np.zeros(shape or (0,), dtype=dtype),
        repr=False,
        compare=False,
        metadata={"fitted": True},
    )


class Fitted(ABC):
    """Base of the scorers: turns their dataclass fields into options and arrays, and back."""

    name: ClassVar[str]
    dear: ClassVar[bool] = False
    """Whether an update keeps what was learnt: a fit takes long, or needs what no state holds."""
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @abstractmethod
    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes."""

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer fitted on the whole log, or as it is where a fit is dear."""
        if self.dear:
            return self, "kept"
        return self.fit(news.whole(), news.catalogue, now_ms=news.now_ms), "refitted"

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """Return what was learnt, as arrays without objects."""
        return {f.name: getattr(self, f.name) for f in fields(self) if "fitted" in f.metadata}

    def options(self) -> dict[str, object]:
        """Return the options, as `from_options` takes them and JSON can hold them."""
        chosen = ((f.name, getattr(self, f.name)) for f in fields(self) if not f.metadata)
        return {n: dict(v) if isinstance(v, Mapping) else v for n, v in chosen}

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> Self:
        """Build an unfitted scorer.

        Raises
        ------
        ConfigError
            On an unknown option (naming the nearest), one of another type or out of its range.
        """
        known = {f.name: f for f in fields(cls) if "fitted" not in f.metadata}
        defaults = cls()
        values: dict[str, Any] = {}
        for name, value in options.items():
            if name not in known:
                raise ConfigError(f"{cls.name}: unknown option {name!r}{nearest(name, known)}")
            values[name] = _typed(f"{cls.name}: {name}", value, getattr(defaults, name))
        return cls(**values)

    @classmethod
    def from_arrays(
        cls, options: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]]
    ) -> Self:
        """Rebuild a fitted scorer from its options and what `arrays` returned.

        Raises
        ------
        BundleError
            Where an array is missing, left over or of another type.
        """
        scorer = cls.from_options(options)
        wanted = scorer.arrays()
        if wanted.keys() != arrays.keys():
            raise BundleError(
                f"{cls.name}: expected the arrays {sorted(wanted)}, found {sorted(arrays)}; "
                "train the bundle again with this version"
            )
        for name, empty in wanted.items():
            if (arrays[name].dtype, arrays[name].ndim) != (empty.dtype, empty.ndim):
                raise BundleError(
                    f"{cls.name}: expected {name} as {empty.ndim}-dimensional {empty.dtype}, found "
                    f"{arrays[name].ndim}-dimensional {arrays[name].dtype}; train the bundle again"
                )
        return replace(scorer, **arrays)


def require(holds: bool, name: str, expected: str, found: object) -> None:
    """Refuse an option out of its range."""
    if not holds:
        raise ConfigError(f"{name}: expected {expected}, found {found!r}")


def _typed(where: str, value: object, default: object) -> Any:
    """Return the value as the type of the default; a whole number is a fine float.

    Floats are those that 32 bits hold, for arrays have no more.
    """
    if isinstance(default, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a table of numbers, found {value!r}")
        strengths = {str(key): _typed(f"{where}.{key}", one, 0.0) for key, one in value.items()}
        for key, strength in strengths.items():  # sums of them go into logarithms and roots
            require(strength >= 0, f"{where}.{key}", "0 or more", strength)
        return strengths
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (type(value) is type(default) or (whole and isinstance(default, float))):
        raise ConfigError(f"{where}: expected a {type(default).__name__}, found {value!r}")
    if not isinstance(default, float):
        if whole:  # seeds, sizes and counts, which libraries hold in as much
            fits = abs(cast("int", value)) < 2**31
            require(fits, where, "a whole number that 32 bits hold", value)
        return value
    number = cast("float", value)
    if not abs(number) <= _MOST:
        raise ConfigError(f"{where}: expected a number that float32 holds, found {value!r:.60}")
    return float(number)
