"""Writing notes with questions: .spacy files, folders of their shards, and SQuAD JSON."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import spacy
from spacy.language import Language
from spacy.tokens import DocBin

from ..errors import Errors
from ..files import is_replaceable, whole_file
from .converters.report import ConversionReport
from .converters.squad import records_to_squad
from .records import QARecord, cuts_token, record_to_doc

ENDINGS = (".spacy", ".json")


def check_ending(path: Path, *, endings: Sequence[str] = ENDINGS) -> None:
    """Check that the ending of a file says what form to write.

    path (Path): The file.
    endings (Sequence[str]): The endings that are possible.
    RAISES (ValueError): E033.
    """
    if path.suffix not in endings:
        raise ValueError(Errors.E033.format(path=path, endings=" or ".join(endings)))


def check_output(path: Path, *, shard: int = 0, endings: Sequence[str] = ENDINGS, known: Sequence[Path] = ()) -> None:
    """Check an output before anything is read: its ending, and that nothing of somebody else's is in its place.

    path (Path): The file, or with `shard` the folder of shards.
    shard (int): Most questions of a shard, 0 for one file.
    endings (Sequence[str]): The endings that are possible.
    known (Sequence[Path]): What besides shards may be in the folder, and is replaced with it.
    RAISES (ValueError): E033; E071: a folder of shards is named .json; E044: it is a folder where a file goes, or the
        other way round, or holds something else.
    """
    if not shard:
        check_ending(path, endings=endings)
    elif path.suffix == ".json":
        raise ValueError(Errors.E071.format(path=path))
    if shard:
        free = is_replaceable(path, lambda names: all(is_shard(path / name) or path / name in known for name in names))
    else:
        free = not path.is_dir()
    if not free:
        raise ValueError(Errors.E044.format(path=path))


def is_shard(path: Path) -> bool:
    """RETURNS (bool): Whether a file is named as a shard."""
    return path.suffix == ".spacy" and path.stem.isdigit()


def write_records(path: Path, records: Iterable[QARecord], nlp: Optional[Language] = None) -> None:
    """Write notes to one file, whole or not at all.

    path (Path): The file, .spacy or .json.
    records (Iterable[QARecord]): The notes.
    nlp (Optional[Language]): Splits the notes of a .spacy file into tokens; a blank English one by default.
    RAISES (ValueError): E033.
    """
    check_ending(path)
    with whole_file(path) as scratch:
        write_parts((("", record) for record in records), {"": scratch}, nlp or spacy.blank("en"))


def write_parts(
    notes: Iterable[Tuple[str, QARecord]],
    paths: Mapping[str, Path],
    nlp: Language,
    *,
    shard: int = 0,
    report: Optional[ConversionReport] = None,
) -> None:
    """Write each note to the output of its part.

    notes (Iterable[Tuple[str, QARecord]]): The notes, each with its part of a split.
    paths (Mapping[str, Path]): The output of each part: a .spacy or .json file, or with `shard` a folder. None of them
        exists.
    nlp (Language): Splits the notes of .spacy files into tokens.
    shard (int): Most questions of a .spacy file, 0 for any.
    report (Optional[ConversionReport]): Counts answers that begin or end inside a token.
    """
    writers: Dict[str, Union[JsonWriter, SpacyWriter]] = {
        part: JsonWriter(path) if path.suffix == ".json" else SpacyWriter(path, nlp, shard=shard, report=report)
        for part, path in paths.items()
    }
    for part, record in notes:
        writers[part].add(record)
    for writer in writers.values():
        writer.close()


class SpacyWriter:
    """Writes a .spacy file, or a folder of numbered ones of at most so many questions."""

    def __init__(self, path: Path, nlp: Language, *, shard: int = 0, report: Optional[ConversionReport] = None):
        """Nothing is written yet.

        path (Path): The file, or with `shard` the folder.
        nlp (Language): Splits the notes into tokens.
        shard (int): Most questions of a file, 0 for any.
        report (Optional[ConversionReport]): Counts answers that begin or end inside a token.
        """
        self.path = path
        self.nlp = nlp
        self.shard = shard
        self.report = ConversionReport() if report is None else report
        self.n_written = 0
        self._start()

    def _start(self) -> None:
        self.docbin = DocBin(store_user_data=True)
        self.n_questions = 0

    def add(self, record: QARecord) -> None:
        """Add a note; one of more questions than a shard takes is written several times, with some questions each.

        record (QARecord): The note.
        """
        size = self.shard or len(record.questions) or 1
        for start in range(0, len(record.questions) or 1, size):
            piece = replace(record, questions=record.questions[start : start + size])
            if self.shard and self.n_questions and self.n_questions + len(piece.questions) > self.shard:
                self._flush()
            self._add(piece)

    def _add(self, record: QARecord) -> None:
        with self.nlp.memory_zone():  # else the vocabulary keeps the id of every question of a large file
            doc = record_to_doc(record, self.nlp.make_doc)
            n_cut = sum(cuts_token(doc, answer) for question in record.questions for answer in question.answers)
            self.report.cut_tokens = (self.report.cut_tokens or 0) + n_cut
            self.docbin.add(doc)
        self.n_questions += len(record.questions)

    def _flush(self) -> None:
        self.n_written += 1
        path = self.path / f"{self.n_written:05d}.spacy" if self.shard else self.path
        path.parent.mkdir(exist_ok=True)
        self.docbin.to_disk(path)
        self._start()

    def close(self) -> None:
        """Write what is left; the first file even if it is empty, so that every output exists."""
        if len(self.docbin) or not self.n_written:
            self._flush()


class JsonWriter:
    """Writes a SQuAD file, one article at a time."""

    def __init__(self, path: Path):
        """Nothing is written yet.

        path (Path): The file.
        """
        self.path = path
        self.article: List[QARecord] = []
        self.n_written = 0

    def add(self, record: QARecord) -> None:
        """Add a note to the article that it belongs to.

        record (QARecord): The note; those of one article come one after the other.
        """
        number = record.meta.get("article")
        if self.article and (number is None or number != self.article[-1].meta.get("article")):
            self._flush()
        self.article.append(record)

    def _flush(self) -> None:
        data = records_to_squad(self.article)
        articles = data.pop("data")
        with self.path.open("a" if self.n_written else "w", encoding="utf8") as file:
            if not self.n_written:
                file.write(json.dumps(data, indent=1, ensure_ascii=False)[:-2] + ',\n "data": [')
            for article in articles:
                # The standard library keeps every digit of a soft label, srsly ten.
                text = json.dumps(article, indent=1, ensure_ascii=False).replace("\n", "\n  ")
                file.write(("," if self.n_written else "") + "\n  " + text)
                self.n_written += 1
        self.article = []

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        if self.article or not self.n_written:
            self._flush()
        with self.path.open("a", encoding="utf8") as file:
            file.write("\n ]\n}\n" if self.n_written else "]\n}\n")
