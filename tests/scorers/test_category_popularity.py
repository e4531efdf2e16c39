from tests.scorers.contract import ScorerContract


class TestCategoryPopularity(ScorerContract):
    name = "category_popularity"
    personal = False
    needs_events = False
