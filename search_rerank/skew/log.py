"""The feature log: a sample of ranked requests, in segments of bounded size and number.

One segment a process: a line announces the feature columns of a bundle, each further line is a
request (`search_rerank.skew.record`). A segment is only ever appended to, and the oldest ones go.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from threading import Lock

import orjson

from search_rerank.config import Config
from search_rerank.errors import DataError
from search_rerank.skew.record import Served, heading

log = logging.getLogger(__name__)
_SUFFIX = ".jsonl"


class FeatureLog:
    """Appends a share of the ranked requests to segments under a folder.

    Several processes may write to one folder, each to segments of its own; the threads of one
    process share this object.

    Parameters
    ----------
    folder
        Made when the first request is written.
    share
        Share of the requests to write, 0 to 1.
    segment_bytes
        A segment that would grow past it is followed by another one.
    segments
        How many are kept, of all processes together; those written to last.
    """

    def __init__(self, folder: Path, share: float, segment_bytes: int, segments: int) -> None:
        self.folder = folder
        self._below = round(share * 2**64)
        self._segment_bytes = segment_bytes
        self._segments = segments
        self._lock = Lock()
        self._path: Path | None = None
        self._owner = 0
        self._made = 0
        self._size = 0
        self._announced: dict[str, tuple[str, ...]] = {}

    def wants(self, id_: str) -> bool:
        """Return whether the request of an id is one to write: the same answer for the same id."""
        digest = blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) < self._below

    def write(self, served: Served) -> None:
        """Append a request; what goes wrong is logged and costs nobody an answer.

        The bytes are handed to the operating system, not to the disk: a power cut may lose the
        last ones, a crash of the process may not.
        """
        try:
            line = served.line()
            with self._lock:
                self._append(served, line)
        except Exception:  # the shopper's answer must never wait for, or fail with, its record
            log.exception("the feature log under %s cannot be written", self.folder)
            self._path = None

    def _append(self, served: Served, line: bytes) -> None:
        told = self._announced.get(served.bundle) == served.names
        data = line if told else heading(served.bundle, served.names) + line
        full = self._size > 0 and self._size + len(data) > self._segment_bytes
        path = self._path
        own = path if not full and self._owner == os.getpid() else None
        if own is None or not _appended(own, data):
            own = self._begin(served.query.now_ms)
            data = heading(served.bundle, served.names) + line
            if not _appended(own, data):
                raise OSError(f"{own.name}: gone, or held by another process, as soon as made")
        self._size += len(data)
        self._announced[served.bundle] = served.names

    def _begin(self, now_ms: int) -> Path:
        """Start a segment, and remove the oldest of all processes beyond the number kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._owner, self._size, self._announced = os.getpid(), 0, {}
        while True:
            self._made += 1
            path = self.folder / f"{now_ms:013d}-{self._owner}-{self._made:04d}{_SUFFIX}"
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            except FileExistsError:
                continue
            break
        for old in _by_age(self.folder)[: -self._segments]:
            if old != path:
                old.unlink(missing_ok=True)
        self._path = path
        return path


def _appended(path: Path, data: bytes) -> bool:
    """Append to a segment, unless another process has removed it or is writing it anew."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:  # it was among the oldest
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(file).st_nlink:  # written anew between the two lines above
            return False
        written = os.write(file, data)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    if written != len(data):  # the disk is full: what follows must not join half a line
        raise OSError(f"{written} of {len(data)} bytes written")
    return True


def segments_of(folder: Path) -> list[Path]:
    """Return the segments of a feature log, by the time they were begun at."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


def log_folder(config: Config) -> Path:
    """Return where the segments are."""
    return config.home / "feature_log"


def open_log(config: Config) -> FeatureLog:
    """Return the log that the settings of the service ask for."""
    asked = config.service
    return FeatureLog(
        log_folder(config),
        asked.feature_log_share,
        asked.feature_log_segment_mb * 1_000_000,
        asked.feature_log_segments,
    )


def read_log(folder: Path) -> Iterator[Served]:
    """Yield every request of a feature log, segment by segment.

    A line that cannot be read, such as the last of a process that was killed, is named in the log
    and left out.

    Raises
    ------
    DataError
        Where there is no segment.
    """
    paths = segments_of(folder)
    if not paths:
        raise DataError(
            f"{folder}: expected logged requests, found none; set service.feature_log_share, serve "
            "with it for a while, and check then"
        )
    for path in paths:
        yield from _read_segment(path)


def _read_segment(path: Path) -> Iterator[Served]:
    names: dict[str, tuple[str, ...]] = {}
    try:
        file = path.open("rb")
    except FileNotFoundError:  # removed by the service meanwhile
        return
    with file:
        for number, line in enumerate(file, 1):
            try:
                row = orjson.loads(line)
                if "names" in row:
                    names[row["bundle"]] = tuple(row["names"])
                    continue
                served = Served.of_row(row, names[row["bundle"]])
            except (ValueError, KeyError, TypeError) as error:
                reason = f"{type(error).__name__}: {error}"
                log.warning("%s line %d is left out: %s", path, number, reason[:200])
                continue
            yield served


def _by_age(folder: Path) -> list[Path]:
    """Return the segments, that written to longest ago first."""
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        try:
            found.append((path.stat().st_mtime_ns, path.name, path))
        except FileNotFoundError:
            continue
    return [path for *_, path in sorted(found)]
