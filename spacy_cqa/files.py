"""Outputs that appear whole or not at all: written beside their place, and moved there when all went well."""

import os
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Callable, Iterator, Sequence, Set, Tuple


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


def is_replaceable(folder: Path, is_ours: Callable[[Set[str]], bool]) -> bool:
    """Whether a folder may be written without losing anything of somebody else's.

    folder (Path): The folder to write.
    is_ours (Callable[[Set[str]], bool]): Whether files and folders of these names are an earlier output.
    RETURNS (bool): Whether it is missing, empty, or an earlier output.
    """
    if not folder.is_dir():
        return not folder.exists()
    names = {path.name for path in folder.iterdir()}
    return not names or is_ours(names)


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
    is_whole = names == [Path()]
    # In the root if it stays, as it may be a mount point or lie in a folder that cannot be written to; else beside it,
    # or where its folders will be. So moving is renaming.
    near = root if root.is_dir() and not is_whole else next(parent for parent in root.parents if parent.is_dir())
    hidden = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=near))
    new, old = hidden / "new", hidden / "old"
    scratch = new / root.name
    try:
        (new if is_whole else scratch).mkdir(parents=True)
        yield scratch
        old.mkdir()
        _put_in_place([(scratch / name, root / name) for name in names], old)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        for folder in (old, hidden):
            with suppress(OSError):  # an earlier output that could not be moved back is better kept here than lost
                folder.rmdir()


def _put_in_place(moves: Sequence[Tuple[Path, Path]], old: Path) -> None:
    """Move new outputs to their places and earlier ones to the folder `old`; on an error, all of them back."""
    with ExitStack() as back:
        for number, (source, place) in enumerate(moves):
            for folder in reversed([place.parent, *place.parent.parents]):
                if not folder.exists():
                    folder.mkdir()
                    back.callback(folder.rmdir)
            if os.path.lexists(place):
                earlier = old / str(number)
                os.replace(place, earlier)
                back.callback(os.replace, earlier, place)
            os.replace(source, place)
            back.callback(os.replace, place, source)
        back.pop_all()
