"""Clinical question answering for spaCy: answer spans of a note, each with its category."""

from typing import List

from spacy.language import Language

from .about import __version__
from .schemas import Answer, parse_questions, read_answers, set_free_extensions
from .types import CATEGORIES, QuestionsInput

__all__ = ["CATEGORIES", "Answer", "__version__", "ask"]

set_free_extensions()


def ask(nlp: Language, note: str, questions: QuestionsInput) -> List[Answer]:
    """Ask questions of one note with a whole pipeline, so that what other components add (a linker's concepts, sentence
    boundaries) is on the answers.

    nlp (Language): A pipeline with a trained `clinical_qa`.
    note (str): The note.
    questions (QuestionsInput): One text, a list of texts (ids q1, q2, ...), or a dict of id -> text or settings.
    RETURNS (List[Answer]): The answers to these questions, in their order; a question without an answer has none.
    RAISES (ValueError): A question is not usable, or the component has no model.
    """
    asked = parse_questions(questions, where="in ask()")
    doc = nlp.make_doc(note)
    doc._.questions = {qid: question.to_spec() for qid, question in asked.items()}
    return [answer for answer in read_answers(nlp(doc)) if answer.question_id in asked]
