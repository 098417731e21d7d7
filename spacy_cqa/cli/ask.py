"""`spacy cqa ask`: questions about one note."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import typer

from ._util import find_component, load_pipeline, one_clear_error, progress, write_whole

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from ..schemas import Answer


def ask_cli(
    model: str = typer.Argument(..., help="Folder or installed name of a trained pipeline"),
    note: str = typer.Argument("-", help="Text file with the note, UTF-8; - reads standard input"),
    questions: List[str] = typer.Option(
        [], "--question", "-q", help="A question; may be given many times. Without, the pipeline's own are asked"
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table"),
    html: Optional[Path] = typer.Option(None, "--html", help="Write a page with the answers highlighted in the note"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Ask questions about a note: answers with category, score and the sentence around them.

    Example: python -m spacy cqa ask training/model-best note.txt -q "Which antibiotics?" -q "Last creatinine?"
    """
    with one_clear_error():
        text = read_note(note)
        progress(f"Loading {model} ...")
        doc, asked, answers = ask_pipeline(model, text, questions, use_gpu=use_gpu)
        if html is not None:
            from ..export.html import render_answers_page

            page = render_answers_page(doc.text, asked, answers)
            write_whole(html, lambda file: file.write_text(page, encoding="utf8", newline=""))
            progress(f"Wrote {html}")
        result = to_json(doc, asked, answers)
        if as_json:
            import srsly

            typer.echo(srsly.json_dumps(result, indent=2))
        else:
            typer.echo(answers_table(asked, answers))


def read_note(note: str) -> str:
    """Read a note, its line ends as they are, so that offsets are those of the file.

    note (str): A path, or "-" for standard input.
    RETURNS (str): The text.
    RAISES (ValueError): The file is missing or not in UTF-8.
    """
    if note == "-":
        if sys.stdin.isatty():
            progress("Reading the note from standard input; end it with Ctrl-D ...")
        data = sys.stdin.buffer.read()
    else:
        path = Path(note)
        if not path.is_file():
            raise ValueError(f"No note {note}: give a text file, or - for standard input.")
        data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{note} is not in UTF-8: {error.reason} at byte {error.start}. Convert it first.") from error


def ask_pipeline(
    model: str, text: str, questions: List[str], *, use_gpu: int = -1
) -> Tuple["Doc", Dict[str, str], List["Answer"]]:
    """Ask a pipeline.

    model (str): Folder or installed name.
    text (str): The note.
    questions (List[str]): The questions; none for the pipeline's own.
    use_gpu (int): GPU id, -1 for the CPU.
    RETURNS (Tuple[Doc, Dict[str, str], List[Answer]]): The doc, what was asked (id -> text), and the answers.
    RAISES (ValueError): The pipeline cannot be loaded, or there is nothing to ask.
    """
    from ..schemas import read_answers

    nlp = load_pipeline(model, use_gpu)
    component = find_component(nlp)
    if not questions and not component.questions:
        raise ValueError('Nothing to ask: give a question with -q "...".')
    if questions:
        component.questions = {}
    doc = nlp.make_doc(text)
    doc._.questions = list(questions)
    doc = nlp(doc)
    key = component.spans_key
    return doc, dict(doc.spans[key].attrs["questions"]), read_answers(doc, spans_key=key)


def to_json(doc: "Doc", questions: Dict[str, str], answers: List["Answer"]) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): `answers`, and `unanswered` with the probability of "no answer"."""
    null_scores: Dict[str, float] = {}
    for group in doc.spans.values():
        null_scores.update(group.attrs.get("null_scores", {}))
    answered = {answer.question_id for answer in answers}
    unanswered = [
        {"question_id": qid, "question": text, "null_score": null_scores.get(qid)}
        for qid, text in questions.items()
        if qid not in answered
    ]
    return {"answers": [asdict(answer) for answer in answers], "unanswered": unanswered}


def answers_table(questions: Dict[str, str], answers: List["Answer"]) -> str:
    """RETURNS (str): Question, answer, category, score and sentence, as a table for a terminal."""
    from wasabi import table

    by_question: Dict[str, List[Answer]] = {qid: [] for qid in questions}
    for answer in answers:
        by_question.setdefault(answer.question_id, []).append(answer)
    rows = []
    for qid, found in by_question.items():
        if not found:
            rows.append((questions[qid], "(no answer in the note)", "", "", ""))
        for answer in found:
            question = questions.get(qid, "") if answer.rank == 1 else ""
            score = "" if answer.score is None else f"{answer.score:.2f}"
            rows.append((question, _one_line(answer.text), answer.category, score, _excerpt(answer)))
    return table(rows, header=("Question", "Answer", "Category", "Score", "In"), divider=True, max_col=60)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _excerpt(answer: "Answer", width: int = 60) -> str:
    """The part of the sentence around the answer that fits a column."""
    sentence, text = _one_line(answer.sentence), _one_line(answer.text)
    if len(sentence) <= width:
        return sentence
    middle = max(sentence.find(text), 0) + len(text) // 2
    start = max(0, min(middle - width // 2, len(sentence) - width))
    return ("…" if start else "") + sentence[start : start + width - 2] + ("…" if start + width < len(sentence) else "")
