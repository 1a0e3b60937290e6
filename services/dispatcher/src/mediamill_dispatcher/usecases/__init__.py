"""What the dispatcher does, one verb a file."""
