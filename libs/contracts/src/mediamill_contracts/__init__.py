"""Events, commands and topology: what Mediamill's services say to each other."""

from mediamill_contracts import call, media, platform, relocation, sync, watermark
from mediamill_contracts.message import Message

MESSAGES: dict[str, type[Message]] = {
    model.wire_name: model
    for model in (
        media.MediaUploaded,
        media.MediaAccepted,
        media.MediaRejected,
        media.MediaProgressed,
        media.MediaProcessed,
        media.MediaReady,
        media.MediaFailed,
        media.MediaDeleted,
        media.MediaRestored,
        watermark.RequestWatermark,
        watermark.WatermarkApplied,
        watermark.WatermarkCancelled,
        watermark.MediaRemade,
        sync.RequestSync,
        sync.SyncProgressed,
        sync.SyncCompleted,
        sync.SyncCancelled,
        sync.SyncUpdated,
        sync.RequestPurge,
        sync.MediaPurged,
        relocation.RequestRelocation,
        relocation.RelocationCompleted,
        call.RequestCall,
        call.CallProgressed,
        call.CallCompleted,
        platform.MessageSent,
        platform.MessageUpdated,
        platform.SettingsChanged,
        platform.QueueAlerted,
    )
}
"""Every message, by its wire name."""

__all__ = ["MESSAGES", "Message"]
