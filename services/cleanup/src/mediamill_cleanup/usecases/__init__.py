"""What cleanup does: one duty a file."""
