"""Duties are due when the operator's clock says so, also on the days when it is changed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mediamill_cleanup.timetable import OFF, Timetable

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_time_zone_counts() -> None:
    """Three in the morning in Berlin is one in the morning UTC in summer, two in winter."""
    nightly = Timetable("0 3 * * *", BERLIN)
    assert nightly.next_after(at("2026-07-01T12:00")) == at("2026-07-02T01:00")
    assert nightly.next_after(at("2026-01-01T12:00")) == at("2026-01-02T02:00")


def test_an_hour_that_is_left_out_is_made_up() -> None:
    """Half past two does not exist on the day clocks go forward: the duty is due as the hour begins anew."""
    nightly = Timetable("30 2 * * *", BERLIN)
    assert nightly.next_after(at("2026-03-28T12:00")) == at("2026-03-29T01:00")
    assert nightly.next_after(at("2026-03-29T01:00")) == at("2026-03-30T00:30")


def test_an_hour_that_comes_twice_counts_once() -> None:
    """Half past two exists twice when clocks go back: once is enough, whenever somebody asks."""
    nightly = Timetable("30 2 * * *", BERLIN)
    first, tomorrow = at("2026-10-25T00:30"), at("2026-10-26T01:30")
    assert nightly.next_after(at("2026-10-24T12:00")) == first
    assert nightly.next_after(first) == tomorrow
    assert nightly.next_after(at("2026-10-25T01:10")) == tomorrow


def test_what_is_off_is_never_due() -> None:
    """A duty can be switched off."""
    assert Timetable(OFF, BERLIN).next_after(at("2026-01-01T00:00")) is None


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "0 0 31 2 *", "0 0 0 * * *", "daily"])
def test_nonsense_is_refused(expression: str) -> None:
    """What is malformed, has seconds or names a day that never comes is found before anything starts."""
    with pytest.raises(ValueError, match=r"\w"):
        Timetable(expression, BERLIN)
