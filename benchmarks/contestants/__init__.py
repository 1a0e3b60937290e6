"""Mediamill, the limit it is measured against, and what people write instead."""
