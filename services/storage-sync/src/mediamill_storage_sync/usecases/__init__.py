"""What storage-sync does, one verb a file."""
