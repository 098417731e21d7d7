"""Reading data for training and evaluation. `spacy.Corpus.v1` rebuilds the predicted doc from the text alone, so it
loses the questions; `QACorpus` puts them on it."""

from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Optional, Union

from spacy import util
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.corpus import walk_corpus

from ..errors import Errors
from ..types import SPANS_KEY
from .converters.squad import read_squad
from .records import copy_questions, record_to_doc


def make_qa_corpus(
    path: Optional[Union[str, Path]],
    questions_per_example: int = 0,
    limit: int = 0,
    spans_key: str = SPANS_KEY,
) -> Callable[[Language], Iterable[Example]]:
    """Make a reader of notes with questions.

    path (Optional[Union[str, Path]]): A .spacy file, a folder of them, or a SQuAD file (.json).
    questions_per_example (int): Most questions of one example, so that a batch mixes notes; for training only, since
        a note is then read once per example. 0 keeps a note's questions together.
    limit (int): Most notes to read, 0 for all.
    spans_key (str): Key of the gold span group.
    RETURNS (Callable[[Language], Iterable[Example]]): The reader.
    """
    return QACorpus(path, questions_per_example=questions_per_example, limit=limit, spans_key=spans_key)


class QACorpus:
    """Examples from gold docs: the predicted doc has the note's questions, the reference its answers."""

    def __init__(
        self,
        path: Optional[Union[str, Path]],
        *,
        questions_per_example: int = 0,
        limit: int = 0,
        spans_key: str = SPANS_KEY,
    ):
        """See `make_qa_corpus`."""
        self.path = util.ensure_path(path)
        self.questions_per_example = questions_per_example
        self.limit = limit
        self.spans_key = spans_key

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the examples.

        nlp (Language): The pipeline; its tokenizer makes the predicted docs.
        YIELDS (Example): One per note, or per `questions_per_example` questions of a note.
        RAISES (ValueError): E030 to E033, E035: the path does not exist, cannot be read, or holds no questions.
        """
        found = False
        for number, reference in enumerate(read_docs(self.path, nlp)):
            if self.limit and number >= self.limit:
                break
            for example in self._examples(nlp, reference):
                found = True
                yield example
        if not found:
            raise ValueError(Errors.E035.format(path=self.path))

    def _examples(self, nlp: Language, reference: Doc) -> Iterator[Example]:
        if self.spans_key not in reference.spans:
            return
        ids: List[str] = list(reference.spans[self.spans_key].attrs.get("questions", {}))
        size = self.questions_per_example or len(ids)
        for start in range(0, len(ids), size or 1):
            predicted = nlp.make_doc(reference.text)
            copy_questions(reference, predicted, ids[start : start + size], spans_key=self.spans_key)
            yield Example(predicted, reference)


def read_docs(path: Optional[Path], nlp: Language) -> Iterator[Doc]:
    """Read gold docs.

    path (Optional[Path]): A .spacy file, a folder of them, or a SQuAD file (.json).
    nlp (Language): Gives the vocabulary and, for JSON, the tokenizer.
    YIELDS (Doc): The docs.
    RAISES (ValueError): E030 to E033.
    """
    if path is None or not path.exists():
        raise ValueError(Errors.E031.format(path=path))
    if path.suffix == ".json":
        for record in read_squad(path):
            yield record_to_doc(record, nlp.make_doc)
        return
    if path.is_file() and path.suffix != ".spacy":
        raise ValueError(Errors.E033.format(path=path, endings=".spacy or .json"))
    for file in walk_corpus(path, ".spacy"):
        yield from _load_docbin(file).get_docs(nlp.vocab)


def _load_docbin(path: Path) -> DocBin:
    try:
        return DocBin(store_user_data=True).from_disk(path)
    except Exception as error:
        raise ValueError(Errors.E032.format(path=path, form="a DocBin", problem=type(error).__name__)) from error
