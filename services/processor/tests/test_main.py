"""The service is put together so that children never idle, and its settings complain by name."""

from pathlib import Path

import pytest

from mediamill_processor.main import build_parts, build_service
from mediamill_processor.settings import ProcessorSettings
from mediamill_runtime.settings import SettingsError, load_settings
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.stores import Stores

from .conftest import RememberingPublisher


def test_each_lane_has_work_in_hand_for_every_child(
    store: LocalObjectStore, publisher: RememberingPublisher, tmp_path: Path
) -> None:
    """With many cores, more pictures are taken at once than the topology's default; videos are not."""
    settings = ProcessorSettings(env="test", storage_root=tmp_path / "store", children=16)
    parts = build_parts(settings, Stores(store), publisher)
    prefetch = {subscription.queue.name: subscription.prefetch for subscription in parts.subscriptions}
    assert prefetch == {
        "processor.images": 32,
        "processor.images-bulk": 32,
        "processor.videos": 1,
        "processor.videos-bulk": 1,
        "processor.watermarks": 5,
        "processor.video-watermarks": 1,
    }


def test_lanes_scale_alone(
    store: LocalObjectStore, publisher: RememberingPublisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica can be told to take videos only."""
    monkeypatch.setenv("PROCESSOR_LANES", "videos")
    settings = ProcessorSettings(env="test", storage_root=tmp_path / "store", children=1)
    parts = build_parts(settings, Stores(store), publisher)
    assert [subscription.queue.name for subscription in parts.subscriptions] == ["processor.videos"]


def test_building_connects_to_nothing(tmp_path: Path) -> None:
    """A service can be built while broker and storage are elsewhere; only its start needs them."""
    service = build_service(ProcessorSettings(env="test", storage_root=tmp_path / "store"))
    assert service.name == "processor"


@pytest.mark.parametrize(
    ("name", "value"),
    [("PROCESSOR_CHILDREN", "0"), ("PROCESSOR_VIDEO_PATIENCE_SECONDS", "300")],
    ids=["too few", "longer than a broker waits"],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The operator reads which variable to change."""
    monkeypatch.setenv("MEDIAMILL_ENV", "test")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings(ProcessorSettings)
