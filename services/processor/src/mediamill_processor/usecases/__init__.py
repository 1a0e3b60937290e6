"""What the processor does, one verb a module."""
