"""`spacy cqa compare`: tables and pictures of training runs, multi-task beside single-task."""

from pathlib import Path
from typing import Any, Dict, List

import typer

from ._util import one_clear_error, progress, write_whole


def compare_cli(
    runs: List[Path] = typer.Argument(..., metavar="RUN", help="Run folders, or folders with them at any depth"),
    output: Path = typer.Option(..., "--output", "-o", help="Folder for tables.md, tables.json and the pictures"),
    split: str = typer.Option("test", "--split", help="Results to compare, test or dev"),
    as_json: bool = typer.Option(False, "--json", help="Print tables.json instead of the tables"),
) -> None:
    """Compare training runs: results by variant, differences to the single-task variants, categories, pictures.

    Differences come with 95 % bootstrap intervals, paired over notes. Pictures need the extra `plot`.

    Example: python -m spacy cqa compare runs --output comparison
    """
    with one_clear_error():
        compare(runs, output, split=split)
        typer.echo((output / ("tables.json" if as_json else "tables.md")).read_text(encoding="utf8"), nl=False)


def compare(paths: List[Path], output: Path, *, split: str = "test") -> Dict[str, Any]:
    """Compare runs and write tables and pictures.

    paths (List[Path]): Run folders, or folders with them at any depth. Unfinished runs are named and left out; those
        of learning rates that were not chosen are counted and left out.
    output (Path): Folder to write to.
    split (str): "test" or "dev".
    RETURNS (Dict[str, Any]): The data of tables.json; see `export.tables.compare_runs`.
    RAISES (ValueError): E031, E032, E045 to E047: the runs cannot be read or compared. Nothing is written then.
    """
    import json

    from ..export.tables import compare_runs, tables_markdown
    from ..training.runs import SPLITS, read_runs

    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}. Known: {', '.join(SPLITS)}.")
    found = read_runs(paths, split=split)
    for folder in found.unfinished:
        progress(f"Left out, not finished: {folder}")
    if found.unchosen:
        progress(f"Left out, learning rate tried but not chosen: {len(found.unchosen)}")
    comparison = compare_runs(found.runs, split=split)
    markdown, data = tables_markdown(comparison), json.dumps(comparison, indent=1) + "\n"
    write_whole(output / "tables.md", lambda file: file.write_text(markdown, encoding="utf8"))
    write_whole(output / "tables.json", lambda file: file.write_text(data, encoding="utf8"))
    _write_pictures(comparison, output)
    return comparison


def _write_pictures(comparison: Dict[str, Any], output: Path) -> None:
    from functools import partial
    from importlib.util import find_spec

    from ..export.plots import draw_comparison, save_figure

    if find_spec("matplotlib") is None:
        progress("Pictures left out: they need matplotlib. Install it with: python -m pip install 'spacy-cqa[plot]'")
        return
    for name, figure in draw_comparison(comparison).items():
        for ending in (".png", ".svg"):
            write_whole(output / f"{name}{ending}", partial(save_figure, figure))
