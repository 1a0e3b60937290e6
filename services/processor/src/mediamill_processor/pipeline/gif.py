"""Finds GIFs that were cut off: libvips shows the frames that arrived and keeps quiet, whatever `fail_on`.

Walks the blocks as the GIF89a specification lays them out. A missing trailer alone is no fault: the pictures
are whole, and many programs never write one.
"""

import mmap

_HEADER_BYTES = 13
_FLAGS_AT = 10
_EXTENSION = 0x21
_IMAGE = 0x2C
_IMAGE_DESCRIPTOR_BYTES = 10
_IMAGE_FLAGS_AT = 9
_CODE_SIZE_BYTES = 1


def is_cut_off(data: mmap.mmap) -> bool:
    """Return whether the file ends inside a block; what follows the pictures does not matter."""
    position = _HEADER_BYTES + _colour_table_bytes(data, _FLAGS_AT)
    end = len(data)
    while position < end:
        introducer = data[position]
        if introducer == _EXTENSION:
            position += 2
        elif introducer == _IMAGE:
            flags_at = position + _IMAGE_FLAGS_AT
            if flags_at >= end:
                return True
            position += _IMAGE_DESCRIPTOR_BYTES + _colour_table_bytes(data, flags_at) + _CODE_SIZE_BYTES
        else:
            return False
        position = _after_sub_blocks(data, position)
    return position > end


def _after_sub_blocks(data: mmap.mmap, position: int) -> int:
    """Return where a chain of sub-blocks ends; beyond the file when its terminator is missing."""
    end = len(data)
    while position < end:
        size = data[position]
        position += 1 + size
        if size == 0:
            return position
    return end + 1


def _colour_table_bytes(data: mmap.mmap, flags_at: int) -> int:
    flags = data[flags_at] if flags_at < len(data) else 0
    return 3 << ((flags & 0x07) + 1) if flags & 0x80 else 0
