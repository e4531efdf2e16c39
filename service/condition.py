"""What is wrong with a worker that answers: for `/readyz`, and counted in `/metrics`."""

from __future__ import annotations

from search_rerank.answer import Degraded
from search_rerank.errors import SearchRerankError
from service.access import keyring
from service.runtime import Runtime


def condition(run: Runtime) -> list[Degraded]:
    """Return what makes answers worse than they could be, or has what is told refused.

    Nothing of the pipeline is looked at while it cannot be opened.
    """
    found: list[Degraded] = []
    try:
        with run.pipeline() as pipeline:
            found += [*pipeline.in_use.degraded, *pipeline.rules.degraded]
            if pipeline.bundle_version is None:
                reason = "no bundle: run 'search-rerank train'; the engine's order is served"
                found.append(Degraded("bundle", reason))
    except SearchRerankError:  # the engine's own part of readyz tells
        pass
    ring = keyring()
    return [*found, *(ring.degraded if ring is not None else ()), *run.writable.degraded]
