"""What the shopper's whole known history says of each candidate."""

from __future__ import annotations

from search_rerank.data.catalogue import Catalogue
from search_rerank.features import taste
from search_rerank.features.arrays import Columns
from search_rerank.features.moment import Moment


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the user group."""
    return taste.columns("user", moment.history, moment, catalogue)
