"""Which variant of an experiment a shopper sees: a hash says it, so that nothing is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from search_rerank.errors import ConfigError


@dataclass(frozen=True)
class Experiment:
    """Variants that shoppers are parted among.

    A shopper's place in [0, 1) is a hash of salt, name and shopper, as uniform as BLAKE2b and the
    same on every machine and every day. Variants take their shares of that line in the order given;
    shoppers past the last are not in the experiment. The place does not depend on other names or
    salts, so that experiments run beside each other without meeting.

    Parameters
    ----------
    name
        What the experiment is called.
    shares
        Variant to its share of all shoppers, each above 0, together at most 1.
    salt
        Another one parts the shoppers anew.

    Raises
    ------
    ConfigError
        Where there is no variant, or the shares are no shares.
    """

    name: str
    shares: Mapping[str, float]
    salt: str = ""

    def __post_init__(self) -> None:
        if not self.name or not self.shares:
            raise ConfigError("expected an experiment with a name and variants, found none")
        wrong = {variant: share for variant, share in self.shares.items() if not 0 < share <= 1}
        if wrong or sum(self.shares.values()) > 1 + 1e-9:
            raise ConfigError(
                f"experiment {self.name}: expected shares above 0, together at most 1, found "
                f"{wrong or dict(self.shares)}: lower them"
            )

    def variant(self, shopper: str) -> str | None:
        """Return the variant of a shopper; None where they are not in the experiment."""
        place = self.place(shopper)
        end = 0.0
        for variant, share in self.shares.items():
            end += share
            if place < end:
                return variant
        # Shares such as three thirds add up to a little less than 1.
        return list(self.shares)[-1] if end > 1 - 1e-9 else None

    def place(self, shopper: str) -> float:
        """Return where on [0, 1) a shopper stands."""
        return uniform(self.salt, self.name, shopper)

    def variants(self, shoppers: Iterable[str]) -> list[str | None]:
        """Return the variant of each shopper."""
        return [self.variant(shopper) for shopper in shoppers]


def uniform(*parts: str) -> float:
    """Return a number in [0, 1) that texts decide, spread evenly."""
    return seed(*parts) / 2**64


def seed(*parts: str) -> int:
    """Return a number of 64 bits that texts decide, for random choices that must be repeatable."""
    # The lengths keep ("a", "bc") apart from ("ab", "c").
    text = "".join(f"{len(part)}:{part}" for part in parts)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")
