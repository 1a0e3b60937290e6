"""What the parent makes of a child's last answer, believing nothing that it can see for itself."""

import os
import stat
from pathlib import Path
from typing import TypeVar

from mediamill_contracts.recipe import Recipe
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.ports import RenderedVariant, Rendering, Step
from mediamill_processor.sandbox.loss import ChildLostError
from mediamill_processor.sandbox.protocol import Drawn, Failed, Finished, Refused, Reply

Done = TypeVar("Done", Finished, Drawn)


class RenderingFailedError(Exception):
    """The job could not be done, through no fault of the file."""


def answer_of(reply: Reply, expected: type[Done]) -> Done:
    """Return the answer that tells of success.

    Raises UnacceptableFileError, RenderingFailedError; ChildLostError for one that makes no sense here.
    """
    match reply:
        case Refused(code=code, detail=detail):
            raise UnacceptableFileError(code, detail)
        case Failed(error=error):
            raise RenderingFailedError(error)
    if not isinstance(reply, expected):
        raise ChildLostError("crashed", "spoke out of turn")
    return reply


def rendering_of(finished: Finished, recipe: Recipe, folder: Path) -> Rendering:
    """Match the child's answer with what was asked for and the files that are there; trust no name of its."""
    made = {variant.name: variant for variant in finished.variants}
    variants = []
    for spec in recipe.variants:
        path, size = file_in(folder, spec.name), made.get(spec.name)
        if size is None:
            raise RenderingFailedError(f"no size of variant {spec.name}")
        variants.append(RenderedVariant(spec, path, size.width, size.height, size.frames))
    steps = tuple(Step(timing.step, timing.started_ns, timing.ended_ns) for timing in finished.timings)
    return Rendering(finished.facts, tuple(variants), steps)


def file_in(folder: Path, name: str) -> Path:
    """Return a file that was to be written, a file itself and no link; raises RenderingFailedError."""
    path = folder / name
    try:
        if stat.S_ISREG(os.lstat(path).st_mode):
            return path
    except FileNotFoundError:
        pass
    raise RenderingFailedError(f"no file for {name}")
