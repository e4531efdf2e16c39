"""`python -m search_rerank`: the same as the command `search-rerank`."""

from search_rerank.cli import main

main(prog_name="search-rerank")
