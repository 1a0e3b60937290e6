"""Child processes that decode hostile bytes with next to no rights, and the pool that keeps them."""
