"""One module a question; each answers with plain data for the report."""
