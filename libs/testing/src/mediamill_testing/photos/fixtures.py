"""The session's corpus, as a pytest fixture."""

import pytest

from mediamill_testing.photos.corpus import PhotoCorpus


@pytest.fixture(scope="session")
def photo_corpus(tmp_path_factory: pytest.TempPathFactory) -> PhotoCorpus:
    """Good and bad pictures, made on demand and kept for the session."""
    return PhotoCorpus(tmp_path_factory.mktemp("photos"))
