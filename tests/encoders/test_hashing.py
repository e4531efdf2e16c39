import json
from pathlib import Path

import numpy as np
import pytest

from search_rerank.config import EncoderConfig
from search_rerank.encoders import fit_encoder, load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.encoders.hashing import FIT_TEXTS, HashingEncoder, _sample
from search_rerank.encoders.words import MAX_WORDS, features, words
from search_rerank.errors import BundleError, DataError
from tests.encoders.contract import EncoderContract

SHOES = ["running shoes", "trail running shoes", "leather boots", "winter boots leather"]
BEAUTY = ["matte lipstick", "red lipstick matte", "face cream", "night face cream"]
WORLD = [f"{text} {n % 3}" for n in range(6) for text in (*SHOES, *BEAUTY)]
CONFIG = EncoderConfig(dim=6)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return fit_encoder(CONFIG, WORLD)


class TestHashing(EncoderContract):
    @pytest.fixture
    def encoder(self, encoder: Encoder) -> Encoder:
        return encoder


def cosine(encoder: Encoder, left: str, right: str) -> float:
    a, b = encoder.encode([left, right])
    return float(a @ b)


def test_what_occurs_together_is_close(encoder: Encoder) -> None:
    assert cosine(encoder, "running", "shoes") > 0.5
    assert cosine(encoder, "running", "lipstick") < 0.3


def test_a_misspelt_word_lies_near_the_right_one(encoder: Encoder) -> None:
    assert cosine(encoder, "lipstik", "lipstick") > 0.7
    assert cosine(encoder, "lipstik", "boots") < 0.3


def test_case_and_width_are_folded(encoder: Encoder) -> None:
    np.testing.assert_array_equal(*encoder.encode(["ＬＩＰstick", "lipstick"]))


def test_a_text_without_a_known_word_is_a_zero_row(encoder: Encoder) -> None:
    assert not encoder.encode(["", "★", "xqzw"]).any()


def test_the_same_texts_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    folders = []
    for name in ("a", "b"):
        HashingEncoder.fit(iter(WORLD), 6, seed=3).save(tmp_path / name)
        folders.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert folders[0] == folders[1]
    other = HashingEncoder.fit([text.replace("boots", "sandals") for text in WORLD], 6, 3)
    assert other.fingerprint != load_encoder(tmp_path / "a").fingerprint


def test_a_small_catalogue_gives_fewer_dimensions() -> None:
    assert fit_encoder(EncoderConfig(dim=128), ["red shoes", "red boots", "hat"]).dim == 2


@pytest.mark.parametrize("texts", [["red shoes"], ["red shoes", "red shoes"]])
def test_a_catalogue_of_one_text_can_be_encoded(texts: list[str]) -> None:
    row = fit_encoder(CONFIG, texts).encode(["red"])[0]
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("texts", [[], [""], ["★", "!"], ["soap", "soap"]])
def test_too_few_words_to_fit_on_are_refused(texts: list[str]) -> None:
    with pytest.raises(DataError, match="at least two different words"):
        fit_encoder(CONFIG, texts)


def test_words_are_counted_in_order_and_capped() -> None:
    assert list(words("b a b").items()) == [("b", 2), ("a", 1)]
    assert words("x " * 10_000).total() == MAX_WORDS
    assert list(words("z" * 90)) == ["z" * 40, "z" * 10]


def test_a_word_has_itself_and_its_grams() -> None:
    # <cat> holds three 3-grams (<ca, cat, at>) and two 4-grams (<cat, cat>).
    assert len(features("cat")) == 1 + 3 + 2


def test_no_more_texts_than_the_limit_are_held_and_all_have_a_chance() -> None:
    sample = _sample(map(str, range(3 * FIT_TEXTS)), np.random.default_rng(0))
    numbers = np.array([int(text) for text in sample])
    assert len(set(sample)) == FIT_TEXTS
    # Mean of an even sample of 0..N-1 is (N-1)/2, its standard error N/sqrt(12 n).
    expected, error = (3 * FIT_TEXTS - 1) / 2, 3 * FIT_TEXTS / np.sqrt(12 * FIT_TEXTS)
    assert abs(numbers.mean() - expected) < 4 * error


def test_other_arrays_than_those_saved_are_refused(encoder: Encoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    about = json.loads((tmp_path / "encoder.json").read_text())
    (tmp_path / "encoder.json").write_text(json.dumps(about | {"fingerprint": "hashing-other"}))
    with pytest.raises(BundleError, match="expected the encoder hashing-other"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("encoder.json", b"{", "expected an encoder's description"),
        ("encoder.json", b"[]", "expected an encoder's description"),
        ("encoder.json", b'{"kind": "oracle"}', "found 'oracle'"),
        ("encoder.npz", b"no zip", "expected the arrays of an encoder"),
    ],
)
def test_damaged_files_are_refused(
    encoder: Encoder, tmp_path: Path, file: str, content: bytes, message: str
) -> None:
    encoder.save(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(BundleError, match=message):
        load_encoder(tmp_path)


def test_arrays_with_objects_are_not_unpickled(encoder: Encoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "encoder.npz", buckets=objects, projection=objects)
    with pytest.raises(BundleError, match="allow_pickle=False"):
        load_encoder(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected an encoder's description"):
        load_encoder(tmp_path / "nowhere")
