"""Offsets of characters against tokens and subwords, and lines of a note. Pure functions over text and arrays."""

import re
from typing import Iterator, List, Sequence, Tuple

import numpy

_LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # what str.splitlines breaks at


def line_around(text: str, start_char: int, end_char: int) -> str:
    """The line, or lines, that hold a stretch of text.

    text (str): The note.
    start_char (int): First character of the stretch.
    end_char (int): One past its last character.
    RETURNS (str): From the line break before to the line break after, stripped.
    """
    start, end = start_char, end_char
    while start > 0 and text[start - 1] not in _LINE_BREAKS:
        start -= 1
    while end < len(text) and text[end] not in _LINE_BREAKS:
        end += 1
    return text[start:end].strip()


def strip_span(text: str, start_char: int, end_char: int) -> Tuple[int, int]:
    """RETURNS (Tuple[int, int]): The span without white space at its edges; empty at its start if nothing is left."""
    piece = text[start_char:end_char]
    stripped = piece.strip()
    if not stripped:
        return start_char, start_char
    start = start_char + len(piece) - len(piece.lstrip())
    return start, start + len(stripped)


def find_all(text: str, piece: str, limit: int = 2) -> Sequence[int]:
    """RETURNS (Sequence[int]): The first offsets at which a piece occurs in the text, at most `limit`."""
    found: List[int] = []
    start = text.find(piece)
    while start >= 0 and len(found) < limit:
        found.append(start)
        start = text.find(piece, start + 1)
    return found


def holds_words(text: str, words: str) -> bool:
    """RETURNS (bool): Whether words stand in a text, whole and in whatever case."""
    if words.lower() not in text.lower():  # quick, and mostly enough
        return False
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE) is not None


def tokens_to_subwords(
    token_starts: numpy.ndarray,
    token_ends: numpy.ndarray,
    subword_starts: numpy.ndarray,
    subword_ends: numpy.ndarray,
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """First and last subword that share a character with each token.

    token_starts (numpy.ndarray): First character of each token, shape (n_tokens,), increasing.
    token_ends (numpy.ndarray): One past the last character of each token, shape (n_tokens,).
    subword_starts (numpy.ndarray): The same of each subword, shape (n_subwords,), not decreasing.
    subword_ends (numpy.ndarray): Shape (n_subwords,).
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Indices of the first and of the last subword, shape (n_tokens,);
        -1 for a token without a subword (white space, or characters that the encoder's normalisation drops).
    """
    # Empty subwords (some tokenizers give (0, 0)) share no character, and would break the order that searching needs.
    full = numpy.flatnonzero(subword_ends > subword_starts)
    first = numpy.searchsorted(subword_ends[full], token_starts, side="right")
    last = numpy.searchsorted(subword_starts[full], token_ends, side="left") - 1
    missing = first > last
    back = numpy.append(full, -1)  # a missing token's index may be one past the end, or -1
    return numpy.where(missing, -1, back[first]), numpy.where(missing, -1, back[last])


# A heading has at most 60 characters: a longer line that ends in a colon is a sentence. A line in capitals that has a
# number and no colon is a value, such as "BP 120/80".
_HEADING = re.compile(r"[ \t#*\-\d.)]*([A-Za-z][A-Za-z0-9 &/,'()\-]{0,59}?)[ \t*]*:(?![\d/])")
_CAPITALS = re.compile(r"[ \t#*]*([A-Z][A-Z &/,'()\-]{2,59})[ \t*]*$")


def section_heading(text: str, start_char: int) -> str:
    """The section that a place in a note stands in: the nearest heading above that is in capitals or has its line to
    itself, else the nearest of any kind.

    text (str): The note.
    start_char (int): The place.
    RETURNS (str): The heading without its marks, "" where there is none.
    """
    nearest = ""
    for heading, is_alone in headings_above(text, start_char):
        if is_alone or (heading.isupper() and len(heading) > 3):
            return heading
        nearest = nearest or heading
    return nearest


def headings_above(text: str, start_char: int) -> Iterator[Tuple[str, bool]]:
    """Headings before a place in a note: what stands before a colon at the start of a line, or a line in capitals.

    text (str): The note.
    start_char (int): The place.
    YIELDS (Tuple[str, bool]): Each heading and whether its line holds nothing else, the nearest first; that of the
        place's own line is among them.
    """
    lines = text[:start_char].splitlines(keepends=True)
    for number, line in enumerate(reversed(lines)):
        is_own = number == 0 and line[-1] not in _LINE_BREAKS  # cut at the place, so it holds more than is seen here
        line = line.rstrip(_LINE_BREAKS)
        match = _HEADING.match(line) or (None if is_own else _CAPITALS.match(line))
        if match is not None:
            yield match.group(1).strip(), not (is_own or line[match.end() :].strip())
