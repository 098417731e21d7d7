"""Outputs that appear whole or not at all: written beside their place, and moved there when all went well."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write a file at. On an error an earlier file stays as it is.

    path (Path): The file in the end; its folder is made.
    YIELDS (Path): The path to write at, of the same ending.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield scratch
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def whole_outputs(root: Path, outputs: Sequence[Path] = ()) -> Iterator[Path]:
    """Give a path to write a folder at, or several outputs in one. On an error earlier ones stay as they are, and no
    folder is left behind.

    root (Path): The folder in the end; a single file is possible as well.
    outputs (Sequence[Path]): The files and folders below the root that are replaced, while what else it holds stays;
        the root as a whole by default.
    YIELDS (Path): The path to write at in place of the root; it is a folder already where there are outputs in it.
    """
    names = [path.relative_to(root) for path in outputs or [root]]
    root = root.resolve()  # a link stays one, and "." gets a name
    # Beside the root, or where its folders will be, so that moving is renaming.
    beside = next(parent for parent in root.parents if parent.is_dir())
    hidden = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=beside))
    scratch = hidden / root.name
    try:
        if names != [Path()]:
            scratch.mkdir()
        yield scratch
        for number, name in enumerate(names):
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.is_dir():  # a folder with something in it cannot be replaced by renaming alone
                place.rename(hidden / f"old-{number}")
            os.replace(scratch / name, place)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
