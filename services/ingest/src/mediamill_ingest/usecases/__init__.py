"""What ingest does, one verb a file: transactions and decisions, no HTTP and no broker."""
