"""Settings of the experiment that runs on searches."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from search_rerank.config.section import Section


class ExperimentConfig(Section):
    """Two fusions of the live bundle, shown to shoppers side by side or in one list."""

    name: str = ""
    """What the experiment is called; left empty, none runs."""
    mode: Literal["ab", "interleave"] = "ab"
    """`ab` ranks each shopper's searches by one of the two, `interleave` mixes both lists."""
    control: str = "weighted"
    """The fusion that is compared with; team b of an interleaved list."""
    treatment: str = "cascade"
    """The fusion that is tried; team a of an interleaved list."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of the shoppers who take part, half of them with each fusion in `ab`."""
    salt: str = ""
    """Another one parts the shoppers anew."""

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.control == self.treatment:
            raise ValueError(f"expected two fusions to compare, found {self.control!r} twice")
        return self
