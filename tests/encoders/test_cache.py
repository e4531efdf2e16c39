import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from search_rerank.encoders.cache import VectorCache
from search_rerank.errors import DataError, SearchRerankError

pytestmark = pytest.mark.slow


class Lengths:
    """Encodes a text as (length, 1) and remembers what it was asked."""

    dim = 2

    def __init__(self, fingerprint: str = "lengths") -> None:
        self.fingerprint = fingerprint
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(text), 1] for text in texts], dtype=np.float32).reshape(-1, 2)

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def test_each_text_is_encoded_once(tmp_path: Path) -> None:
    encoder = Lengths()
    with VectorCache(tmp_path / "new" / "vectors.sqlite") as cache:
        rows = cache.encode(encoder, ["aa", "b", "aa"])
        assert rows.tolist() == [[2, 1], [1, 1], [2, 1]]
        assert encoder.asked == ["aa", "b"]
        assert (cache.encoded, cache.reused) == (2, 0)
    with VectorCache(tmp_path / "new" / "vectors.sqlite") as again:
        assert again.encode(encoder, ["b", "ccc", "aa"]).tolist() == [[1, 1], [3, 1], [2, 1]]
        assert encoder.asked == ["aa", "b", "ccc"]
        assert (again.encoded, again.reused) == (1, 2)


def test_another_encoder_shares_nothing(tmp_path: Path) -> None:
    one, two = Lengths("one"), Lengths("two")
    with VectorCache(tmp_path / "v") as cache:
        cache.encode(one, ["a"])
        cache.encode(two, ["a"])
    assert two.asked == ["a"]


def test_no_texts_give_no_rows(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "v") as cache:
        assert cache.encode(Lengths(), []).shape == (0, 2)


def test_more_texts_than_a_batch_keep_their_order(tmp_path: Path) -> None:
    texts = ["x" * (n % 700) for n in range(2_000)]
    encoder = Lengths()
    with VectorCache(tmp_path / "v") as cache:
        assert cache.encode(encoder, texts)[:, 0].tolist() == [n % 700 for n in range(2_000)]
    assert len(encoder.asked) == 700


@given(st.lists(st.text(max_size=5), max_size=6))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_cache_answers_what_the_encoder_would(tmp_path: Path, texts: list[str]) -> None:
    with VectorCache(tmp_path / "v") as cache:
        np.testing.assert_array_equal(cache.encode(Lengths(), texts), Lengths().encode(texts))


class Short(Lengths):
    dim = 3


def test_vectors_of_another_length_are_refused_and_not_kept(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "v") as cache:
        with pytest.raises(DataError, match=r"expected vectors of 3 numbers.*found shape \(1, 2\)"):
            cache.encode(Short(), ["a"])
        assert cache.encode(Lengths(), ["a"]).tolist() == [[1, 1]]
        assert cache.encoded == 1


def test_a_file_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"no database" * 1_000)
    with pytest.raises(SearchRerankError, match="expected a vector cache.*delete the file") as told:
        VectorCache(tmp_path / "v")
    assert not isinstance(told.value, DataError)  # it is no fault of the texts


WRITER = """
import sys
from pathlib import Path
from search_rerank.encoders.cache import VectorCache
from tests.encoders.test_cache import Lengths
with VectorCache(Path(sys.argv[1])) as cache:
    for start in range(0, 600, 20):
        cache.encode(Lengths(), [f"{n:0{n % 50}}" for n in range(start, start + 20)])
"""


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "v"
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", WRITER, str(path)]
    running = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error.decode()
    with VectorCache(path) as cache:
        texts = [f"{n:0{n % 50}}" for n in range(600)]
        assert cache.encode(Lengths(), texts)[:, 0].tolist() == [len(text) for text in texts]
        assert cache.encoded == 0
