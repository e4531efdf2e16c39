"""What every encoder must do; an encoder's test inherits this and provides `encoder`."""

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_rerank.encoders import load_encoder
from search_rerank.encoders.base import Encoder

TEXTS = ["red running shoes", "blue running shirt", "leather boots", "boots", "red red lipstick"]


class EncoderContract:
    exact = True
    """Whether a row is the same to the last bit in any batch."""

    def same(self, left: np.ndarray, right: np.ndarray) -> None:
        if self.exact:
            np.testing.assert_array_equal(left, right)
        else:
            np.testing.assert_allclose(left, right, atol=1e-5)

    def test_rows_are_float32_of_unit_length(self, encoder: Encoder) -> None:
        rows = encoder.encode(TEXTS)
        assert rows.shape == (len(TEXTS), encoder.dim)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)

    def test_no_texts_give_no_rows(self, encoder: Encoder) -> None:
        assert encoder.encode([]).shape == (0, encoder.dim)

    @given(st.lists(st.sampled_from(TEXTS), max_size=8), st.sampled_from(TEXTS))
    @settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    def test_a_row_does_not_depend_on_its_batch(
        self, encoder: Encoder, others: list[str], text: str
    ) -> None:
        self.same(encoder.encode([*others, text])[-1], encoder.encode([text])[0])

    def test_saved_and_loaded_it_gives_the_same_rows(
        self, encoder: Encoder, tmp_path: Path
    ) -> None:
        encoder.save(tmp_path / "encoder")
        loaded = load_encoder(tmp_path / "encoder")
        self.same(loaded.encode(TEXTS), encoder.encode(TEXTS))
        assert (loaded.fingerprint, loaded.dim) == (encoder.fingerprint, encoder.dim)

    def test_odd_texts_are_encoded(self, encoder: Encoder) -> None:
        rows = encoder.encode(["", " ", "👟👟", "\x00", "a" * 10_000, 'AND "(' * 100, "crème"])
        assert np.isfinite(rows).all()
        lengths = np.linalg.norm(rows, axis=1)
        assert (np.isclose(lengths, 1, atol=1e-5) | (lengths == 0)).all()
