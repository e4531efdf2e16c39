"""A file that is written aside and renamed when it is whole, compressed as its name says."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from search_rerank.data.lines import STANDARD_INPUT

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """Lend a stream to write to; nothing is left of it, and the file before stays, on an error.

    Parameters
    ----------
    path
        A file, compressed where its name ends in `.gz` or `.zst`, or `-` for standard output.
    """
    if path == STANDARD_INPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with _opened(aside, path.suffix.lower()) as stream:
            yield stream
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _opened(aside: Path, suffix: str) -> IO[bytes]:
    if suffix == ".gz":
        return cast(IO[bytes], gzip.open(aside, "wb", compresslevel=6))
    if suffix == ".zst":
        opened: Any = zstd.ZstdFile(aside, "w")
        return cast(IO[bytes], opened)
    return aside.open("wb")
