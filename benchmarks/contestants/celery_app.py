"""Celery + Pillow as tutorials write it: one task a photo, one copy and one `thumbnail` a variant."""

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery
from PIL import Image, ImageOps

from benchmarks.variants import EFFORT, QUALITY, VARIANTS

app = Celery("photos", broker=os.environ.get("BENCH_BROKER_URL"), backend="rpc://")


def render_photo(source: str, folder: str) -> float:
    """Write all variants of one photo; return the Unix time when done."""
    with Image.open(source) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    for variant in VARIANTS:
        copy = picture.copy()
        copy.thumbnail((variant.side, variant.side), Image.Resampling.LANCZOS)
        target = Path(folder) / f"{Path(source).stem}_{variant.name}.{variant.extension}"
        copy.save(target, quality=QUALITY, method=EFFORT)
    return time.time()


render: Any = app.task(render_photo)
