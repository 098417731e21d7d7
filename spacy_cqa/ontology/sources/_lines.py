"""Files of an ontology line by line, plain or compressed by gzip, whatever is wrong with them."""

import codecs
import csv
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ...errors import Errors
from ..concepts import SourceReport

_HEAD = 1 << 16  # bytes that tell text from something else
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_MAX_LINES = 20  # of a cell: a definition has fewer
_DELIMITERS = ("\t", ",", ";", "|")

Place = str  # such as "MRCONSO.RRF line 17"


def find_file(folder: Path, name: str, *, below: Sequence[str] = (".",)) -> Optional[Path]:
    """RETURNS (Optional[Path]): The file of that name, or with .gz behind it, in the first such folder below."""
    paths = (folder / part / f"{name}{ending}" for part in below for ending in ("", ".gz"))
    return next((path for path in paths if path.is_file()), None)


def find_files(folder: Path, names: Sequence[str], *, below: Sequence[str] = (".",)) -> List[Path]:
    """Find all the files that a source needs.

    folder (Path): The folder of the source.
    names (Sequence[str]): Names of the files; each may have .gz behind it.
    below (Sequence[str]): Folders to look in, from `folder`.
    RETURNS (List[Path]): Their paths, in the order of the names.
    RAISES (ValueError): E050: one is missing.
    """
    found = {name: find_file(folder, name, below=below) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        problem = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        expected = f"a folder with {' and '.join(names)}, each plain or as .gz"
        raise ValueError(Errors.E050.format(path=folder, problem=problem, expected=expected))
    return [path for path in found.values() if path is not None]


def check_file(path: Path, expected: str) -> None:
    """Check that a file is there.

    path (Path): The file.
    expected (str): What should be there, for the message.
    RAISES (ValueError): E050.
    """
    if not path.is_file():
        problem = "it is a folder" if path.is_dir() else "it does not exist"
        raise ValueError(Errors.E050.format(path=path, problem=problem, expected=expected))


def read_lines(path: Path, *, report: SourceReport) -> Iterator[Tuple[Place, str]]:
    """Read the lines of a UTF-8 file that are not blank, one at a time.

    path (Path): The file; one that gzip compressed is known by its first bytes.
    report (SourceReport): Counts the lines that cannot be decoded.
    YIELDS (Tuple[Place, str]): Where a line stands, and the line without its end.
    RAISES (ValueError): E032, E051: the file is damaged, or no UTF-8 at all.
    """
    try:
        with _open(path) as file:
            _check_encoding(path, file)
            for number, data in enumerate(file, 1):
                place = f"{path.name} line {number}"
                try:
                    line = data.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError:
                    report.skip("line that is not UTF-8", place)
                    continue
                if line.strip():
                    yield place, line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(Errors.E032.format(path=path, form="a gzip file", problem=error)) from error


def _open(path: Path) -> Union[BinaryIO, gzip.GzipFile]:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if compressed else path.open("rb")


def _check_encoding(path: Path, file: Union[BinaryIO, gzip.GzipFile]) -> None:
    head = file.read(_HEAD)
    file.seek(0)
    encoding = _foreign_encoding(head)
    if encoding:
        raise ValueError(Errors.E051.format(path=path, encoding=encoding))


def _foreign_encoding(head: bytes) -> Optional[str]:
    """What text in UTF-8 never begins with; None for all that may be UTF-8."""
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    if marked or b"\0" not in head:
        return marked
    # Every second byte of Latin text in UTF-16 is zero; the mark in front of it may be missing.
    zeros = [head[start::2].count(0) / max(1, len(head) // 2) for start in (0, 1)]
    return "UTF-16" if max(zeros) > 0.7 and min(zeros) < 0.1 else "a binary file"


def read_rows(
    path: Path, columns: Mapping[str, str], *, required: Sequence[str], report: SourceReport
) -> Iterator[Tuple[Place, Dict[str, str]]]:
    """Read a table with a header, one row at a time; its delimiter is a tab, or what divides the header best.

    path (Path): A file of comma- or tab-separated values.
    columns (Mapping[str, str]): By our key the name of its column, in any case; several names joined by "|" are tried
        in turn.
    required (Sequence[str]): Keys that must have a column.
    report (SourceReport): Counts the rows that are cut off or have too many cells.
    YIELDS (Tuple[Place, Dict[str, str]]): Where a row stands, and its cells by key, "" where there is no such column.
    RAISES (ValueError): E032, E051, E053: the file is damaged, no UTF-8, or lacks a column that is required.
    """
    lines = read_lines(path, report=report)
    _, first = next(lines, ("", ""))
    by_name = path.name.lower().removesuffix(".gz").endswith(".tsv")
    delimiter = "\t" if by_name else max(_DELIMITERS, key=first.count)
    _, header = next(_rows_of([("", first)], delimiter, report), ("", []))
    at = _find_columns(path, header, columns, required)
    for place, row in _split_rows(lines, delimiter, report):
        if len(row) == len(header):
            yield place, {key: row[at[key]].strip() if key in at else "" for key in columns}
        else:
            report.skip("row with more or fewer cells than the header", place)


def _find_columns(
    path: Path, header: Sequence[str], columns: Mapping[str, str], required: Sequence[str]
) -> Dict[str, int]:
    known = {name.strip().casefold(): number for number, name in enumerate(header)}
    at: Dict[str, int] = {}
    for key, names in columns.items():
        found = [known[name] for name in names.casefold().split("|") if name in known]
        if found:
            at[key] = found[0]
    missing = [columns[key] for key in required if key not in at]
    if missing:
        raise ValueError(Errors.E053.format(path=path, missing=" and ".join(map(repr, missing)), header=header))
    return at


def _split_rows(
    lines: Iterator[Tuple[Place, str]], delimiter: str, report: SourceReport
) -> Iterator[Tuple[Place, List[str]]]:
    if delimiter == "\t":
        # Tab-separated values have no line breaks in a cell, so a quote that is never closed spoils its own line only.
        for place, line in lines:
            yield from _rows_of([(place, line)], delimiter, report)
    else:
        yield from _rows_of(lines, delimiter, report)


def _rows_of(
    lines: Iterable[Tuple[Place, str]], delimiter: str, report: SourceReport
) -> Iterator[Tuple[Place, List[str]]]:
    place = ""

    def texts() -> Iterator[str]:
        nonlocal place
        for place, line in lines:  # noqa: B007 - read below
            yield f"{line}\n"

    reader = csv.reader(texts(), delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            report.skip("row that is no valid CSV", place)
            continue
        if any(cell.count("\n") > _MAX_LINES for cell in row):
            report.skip("row with a cell of many lines, as after a quote that is never closed", place)
            continue
        yield place, row
