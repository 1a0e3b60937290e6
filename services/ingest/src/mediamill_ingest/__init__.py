"""HTTP API, admission of uploads, records of what became of them."""
