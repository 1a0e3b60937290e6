"""Scheduled duties: trash past retention, abandoned uploads, temporary files, queue health."""
