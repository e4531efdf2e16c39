"""The interface as a document: one table of operations, and what their answers hold."""
