"""The folder a shop's set-up lives in: what is where, and how it is opened.

`index/` the embedded engine, `encoders/FINGERPRINT/`, `vectors.sqlite` the vector cache,
`bundles/`, `state.sqlite3`, and `checkpoints/` while neural scorers are fitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from search_rerank.bundle import Bundle, load_bundle
from search_rerank.bundles import live_bundle, named_bundle
from search_rerank.config import Config
from search_rerank.data.dataset import Dataset
from search_rerank.data.events import Events
from search_rerank.encoders import fit_encoder, load_encoder
from search_rerank.encoders.base import Encoder
from search_rerank.encoders.cache import VectorCache
from search_rerank.engines.base import Engine, live_version
from search_rerank.errors import BundleError
from search_rerank.state.opening import open_event_log, open_state
from search_rerank.training import Shop, cuts, open_shop


class Workspace:
    """Paths and parts of one home folder."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.bundles = config.home / "bundles"
        self.encoders = config.home / "encoders"
        self.checkpoints = config.home / "checkpoints"

    def bundle(self, version: str | None = None) -> Bundle:
        """Load the bundle of a name, or the live one.

        Raises
        ------
        BundleError
            Where there is none, or it cannot be read.
        """
        folder = named_bundle(self.bundles, version) if version else live_bundle(self.bundles)
        if folder is None:
            raise BundleError(f"no live bundle under {self.bundles}: run search-rerank train")
        return load_bundle(folder)

    def cache(self) -> VectorCache:
        """Open the vector cache."""
        self.config.home.mkdir(parents=True, exist_ok=True)
        return VectorCache(self.config.home / "vectors.sqlite")

    def encoder(self, engine: Engine, texts: Iterable[str], refit: bool = False) -> Encoder:
        """Return the encoder of the live index, or one fitted on texts and kept for later loads.

        Parameters
        ----------
        engine
            Whose live version names its encoder.
        texts
            What to fit on where there is none yet; not read otherwise.
        refit
            Fit anew all the same.
        """
        if not refit:
            live = live_version(engine)
            if live is not None:
                folder = self.encoder_folder(live.schema.encoder)
                if folder.is_dir():
                    return load_encoder(folder)
        encoder = fit_encoder(self.config.encoder, texts)
        folder = self.encoder_folder(encoder.fingerprint)
        folder.mkdir(parents=True, exist_ok=True)
        encoder.save(folder)
        return encoder

    def encoder_folder(self, fingerprint: str) -> Path:
        """Return where the encoder with this fingerprint is kept."""
        return self.encoders / fingerprint

    def shop(
        self, dataset: Dataset, engine: Engine, cache: VectorCache, refit: bool = False
    ) -> Shop:
        """Make a data set ready for training and evaluation; `refit` as in `encoder`."""
        encoder = self.encoder(engine, (item.text() for item in dataset.items), refit)
        return open_shop(dataset, self.config, engine, encoder, cache)

    def shop_of(self, bundle: Bundle, dataset: Dataset, engine: Engine, cache: VectorCache) -> Shop:
        """Make a data set ready to measure a bundle on, with the settings that it learnt with.

        Raises
        ------
        DataError
            Where the test cut lies within what the bundle's fusions have learnt from.
        """
        here = {"home": self.config.home, "engine": self.config.engine}
        trained = bundle.config.model_copy(update=here)
        shop = open_shop(dataset, trained, engine, bundle.encoder, cache)
        if bundle.learnt is not None:
            bundle.learnt.check_cut(cuts(shop.events, trained.training).test)
        return shop

    def tell(self, bundle: Bundle, events: Events) -> tuple[Bundle, int]:
        """Give the state the log that a bundle was fitted on; return how many were new to it.

        The bundle returned knows where the state ended then, so that an update can tell what came
        later.
        """
        with closing(open_state(self.config)) as state:
            new = state.append(events.log)
            state.show(events.pages)
            with open_event_log(self.config) as log:
                mark = log.mark
        learnt = bundle.learnt and replace(bundle.learnt, mark=mark)
        return replace(bundle, learnt=learnt), new
