"""`spacy cqa evaluate`: all metrics of a pipeline on annotated data. `spacy evaluate` cannot ask questions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import typer

from ._util import find_component, load_pipeline, one_clear_error, progress, write_whole

if TYPE_CHECKING:
    from ..pipeline.scorer import QuestionResult

_NAMES = {
    "cqa_em": "Exact match",
    "cqa_f1": "F1",
    "cqa_hasans_em": "Exact match, answerable",
    "cqa_hasans_f1": "F1, answerable",
    "cqa_noans_acc": "No-answer accuracy",
    "cqa_list_f1": "Set F1, list questions",
    "cqa_cat_acc_gold": "Category accuracy, gold span",
    "cqa_cat_acc_hit": "Category accuracy, hits",
    "cqa_cat_hit_coverage": "Hits among answerable",
    "cqa_cat_macro_f1": "Category macro F1",
}


def evaluate_cli(
    model: str = typer.Argument(..., help="Folder or installed name of a trained pipeline"),
    data: Path = typer.Argument(..., help="Annotated data: .spacy, a folder of them, or SQuAD JSON"),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file for the metrics"),
    html: Optional[Path] = typer.Option(None, "--html", help="Page with the metrics and every question"),
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table"),
    limit: int = typer.Option(0, "--limit", help="Most notes to read, 0 for all"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Evaluate a pipeline: the numbers that `spacy train` sees, on any annotated data.

    Example: python -m spacy cqa evaluate training/model-best corpus/test.spacy --output metrics/test.json
    """
    with one_clear_error():
        progress(f"Loading {model} ...")
        scores, results = evaluate(model, data, limit=limit, use_gpu=use_gpu)
        if output is not None:
            import srsly

            write_whole(output, lambda file: srsly.write_json(file, scores))
        if html is not None:
            page = report_page(scores, results, title=f"{data.name}")
            write_whole(html, lambda file: file.write_text(page, encoding="utf8"))
        if as_json:
            import srsly

            typer.echo(srsly.json_dumps(scores, indent=2))
        else:
            typer.echo(scores_table(scores))


def evaluate(
    model: str, data: Path, *, limit: int = 0, use_gpu: int = -1
) -> Tuple[Dict[str, Any], List["QuestionResult"]]:
    """Evaluate a pipeline, as `nlp.evaluate(list(QACorpus(data)(nlp)))` does.

    model (str): Folder or installed name.
    data (Path): .spacy, a folder of them, or SQuAD JSON.
    limit (int): Most notes to read, 0 for all.
    use_gpu (int): GPU id, -1 for the CPU.
    RETURNS (Tuple[Dict[str, Any], List[QuestionResult]]): The metrics with `notes` and `questions`, and every question.
    RAISES (ValueError): The pipeline or the data cannot be read.
    """
    from ..training.evaluation import evaluate_pipeline

    nlp = load_pipeline(model, use_gpu)
    return evaluate_pipeline(nlp, data, spans_key=find_component(nlp).spans_key, limit=limit)


def scores_table(scores: Dict[str, Any]) -> str:
    """RETURNS (str): The metrics in percent, as tables for a terminal."""
    from wasabi import table

    rows = [(label, percent(scores[name])) for name, label in _NAMES.items()]
    rows.append(("Notes / questions", f"{scores['notes']} / {scores['questions']}"))
    text = table(rows, header=("Metric", "%"), divider=True, aligns=("l", "r"))
    per_category = scores.get("cqa_per_category")
    if per_category:
        table_rows = [
            (name, percent(row["p"]), percent(row["r"]), percent(row["f"]), str(row["support"]))
            for name, row in per_category.items()
        ]
        header = ("Category, gold span", "P", "R", "F", "n")
        text += table(table_rows, header=header, divider=True, aligns=("l", "r", "r", "r", "r"))
    return text


def percent(value: Optional[float]) -> str:
    """RETURNS (str): A fraction in percent with one digit, "-" for None."""
    return "-" if value is None else f"{100 * value:.1f}"


def report_page(scores: Dict[str, Any], results: List["QuestionResult"], *, title: str) -> str:
    """RETURNS (str): A standalone HTML page: metrics, then every question, the worst answered first."""
    from html import escape

    from ..export.html import category_chip, format_score, html_page, html_table

    metrics = html_table(
        ("Metric", "%"), [(label, percent(scores[name])) for name, label in _NAMES.items()], numbers=(1,)
    )
    rows = [
        (
            escape(result.note),
            escape(result.question),
            escape("; ".join(result.gold_texts)) or '<span class="none">unanswerable</span>',
            escape("; ".join(result.texts)) or '<span class="none">no answer</span>',
            category_chip(result.category) if result.category else "",
            category_chip(result.labels[0]) if result.labels else "",
            format_score(result.score),
            percent(result.f1),
        )
        for result in sorted(results, key=lambda result: result.f1)
    ]
    header = ("Note", "Question", "Gold", "Predicted", "Category", "Predicted", "Score", "F1")
    questions = html_table(header, rows, numbers=(6, 7))
    return html_page(f"Evaluation on {title}", f"{metrics}<h2>Questions</h2>{questions}")
