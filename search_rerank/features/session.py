"""What the shopper did in this session says of each candidate."""

from __future__ import annotations

from search_rerank.data.catalogue import Catalogue
from search_rerank.features import taste
from search_rerank.features.arrays import Columns
from search_rerank.features.moment import Moment


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the session group."""
    return taste.columns("session", moment.history.session(), moment, catalogue)
