"""Object stores behind one port, and the keys objects live under."""
