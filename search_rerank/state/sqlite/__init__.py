"""State in one SQLite file and the folder of its log: for the processes of one machine."""

from search_rerank.state.sqlite.state import SqliteState
from search_rerank.state.sqlite.stored import StoredLog

__all__ = ["SqliteState", "StoredLog"]
