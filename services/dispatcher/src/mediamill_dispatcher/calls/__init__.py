"""The kinds of calls that come with Mediamill."""
