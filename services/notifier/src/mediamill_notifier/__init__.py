"""Pushes what happened to browsers over Socket.IO."""
