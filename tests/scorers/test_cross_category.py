"""What goes with what: the contract, and worlds of baskets whose answer is known."""

from tests.scorers.contract import ScorerContract


class TestCrossCategory(ScorerContract):
    name = "cross_category"
    needs_events = False
