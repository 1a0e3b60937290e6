"""Videos: look at the streams, transcode, take the poster. ffmpeg runs confined and no file is trusted."""
