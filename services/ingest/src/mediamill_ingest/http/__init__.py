"""ingest's HTTP surface: routes, what they take and answer, and how they refuse."""
