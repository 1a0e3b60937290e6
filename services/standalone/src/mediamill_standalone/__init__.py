"""All services in one process on embedded defaults."""
