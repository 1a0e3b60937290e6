"""Topic matching as AMQP defines it."""

import pytest

from mediamill_messaging.subscription import topic_matches


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.b.c", False),
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("*.b", "a.b", True),
        ("a.#", "a", True),
        ("a.#", "a.b.c", True),
        ("#", "", True),
        ("#", "anything.at.all", True),
        ("a.#.z", "a.z", True),
        ("a.#.z", "a.b.c.z", True),
        ("a.#.z", "a.b.c", False),
        ("#.z", "z.a.z", True),
        ("a.*.#", "a", False),
    ],
)
def test_a_pattern_matches_as_in_a_topic_exchange(pattern: str, key: str, matches: bool) -> None:
    """`*` stands for one word, `#` for any number of them."""
    assert topic_matches(pattern, key) is matches
