"""Compares what stores hold with what rows say: lists what does not fit, and mends it when it is told to."""
