"""Many questions on one note: separate layers against the Hugging Face question answering pipeline, in one run.

    python benchmarks/speed.py backbone/minilm [--words 600] [--questions 1 --questions 20] [--repeats 3]

Every contender has the same encoder and answers the same questions on the same notes, in float32: the Hugging Face
pipeline with its defaults (windows of 384, one at a time, the note encoded anew for each question; transformers 4 only,
version 5 has none), and the component with each number of separate layers. Weights decide nothing about speed, so the
heads are untrained; "no answer" is never given, so that the category branch runs for every question. Times are medians
of paired rounds.
"""

import json
import statistics
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import spacy
import torch
import typer
from spacy.language import Language

from spacy_cqa.export.tables import markdown_table
from spacy_cqa.models.checkpoints import save_checkpoint
from spacy_cqa.models.loaders import load_encoder, make_encoder_loader

CORPUS = Path(__file__).parent.parent / "assets" / "corpus" / "test.json"
Contender = Callable[[str, List[str]], Any]


def main(
    encoder: Path = typer.Argument(..., help="Folder of an encoder, such as backbone/minilm"),
    words: int = typer.Option(600, help="Length of the notes"),
    notes: int = typer.Option(3, help="Notes to ask"),
    questions: List[int] = typer.Option([1, 5, 20], help="Questions a note"),
    window: int = typer.Option(192, help="The component's setting"),
    overlap: int = typer.Option(40, help="The component's setting"),
    repeats: int = typer.Option(3, help="Rounds; each asks every contender"),
    output: Path = typer.Option(None, help="JSON file for all times"),
) -> None:
    """Print a table: seconds a question, and how many times faster than the Hugging Face pipeline."""
    texts, asked = read_corpus(words, notes)
    depth = int(load_encoder(str(encoder)).config.num_hidden_layers)
    settings = {"window": window, "overlap": overlap, "null_threshold": 1.0, "precision": "float32"}
    pipelines = {k: make_pipeline(encoder, k, settings) for k in range(depth)}
    with tempfile.TemporaryDirectory() as folder:
        contenders: Dict[str, Contender] = {"Hugging Face pipeline": hugging_face(pipelines[0], Path(folder))}
        contenders.update({f"separate_layers = {k}": component(nlp) for k, nlp in pipelines.items()})
        times = {n: measure(contenders, texts, list(islice(cycle(asked), n)), repeats) for n in questions}
    print_table(times, texts, repeats)
    if output is not None:
        output.write_text(json.dumps({str(n): found for n, found in times.items()}, indent=1), encoding="utf8")


def read_corpus(words: int, count: int) -> Tuple[List[str], List[str]]:
    """RETURNS (Tuple[List[str], List[str]]): Notes nearest to a length, longer ones made of several, and questions."""
    data = json.loads(CORPUS.read_text(encoding="utf8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    texts = [paragraph["context"] for paragraph in paragraphs]
    nearest = sorted(texts, key=lambda text: abs(len(text.split()) - words))[:count]
    made = [" ".join(" ".join([text] * (1 + words // len(text.split()))).split()[:words]) for text in nearest]
    return made, list(dict.fromkeys(qa["question"] for paragraph in paragraphs for qa in paragraph["qas"]))


def make_pipeline(encoder: Path, separate_layers: int, settings: Dict[str, Any]) -> Language:
    """RETURNS (Language): A pipeline with an untrained component over an encoder."""
    model = {
        "@architectures": "spacy-cqa.MultiTaskReader.v1",
        "task_layers": 0,
        "separate_layers": separate_layers,
        "span_hidden": [],
        "category_hidden": [256],
    }
    nlp = spacy.blank("en")
    torch.manual_seed(0)
    pipe = nlp.add_pipe("clinical_qa", config={"model": model, **settings})
    pipe.initialize(lambda: [], nlp=nlp, encoder=make_encoder_loader(str(encoder)))
    return nlp


def component(nlp: Language) -> Contender:
    """RETURNS (Contender): Asks all questions of a note at once."""
    return nlp.get_pipe("clinical_qa").ask  # type: ignore[attr-defined]


def hugging_face(nlp: Language, folder: Path) -> Contender:
    """RETURNS (Contender): The pipeline of transformers 4 with the same weights, as it comes."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, pipeline

    save_checkpoint(nlp.get_pipe("clinical_qa").model, folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder)
    reader = pipeline("question-answering", model=model, tokenizer=AutoTokenizer.from_pretrained(folder))
    return lambda text, asked: [reader(question=question, context=text) for question in asked]


def measure(
    contenders: Dict[str, Contender], texts: Sequence[str], asked: List[str], repeats: int
) -> Dict[str, List[float]]:
    """RETURNS (Dict[str, List[float]]): Seconds a question of each contender, by round."""
    times: Dict[str, List[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender(texts[0], asked[:1])  # the first forward is slower
    for _ in range(repeats):
        for name, contender in contenders.items():
            begin = time.perf_counter()
            for text in texts:
                contender(text, asked)
            times[name].append((time.perf_counter() - begin) / (len(texts) * len(asked)))
    return times


def print_table(times: Dict[int, Dict[str, List[float]]], texts: Sequence[str], repeats: int) -> None:
    """Print seconds a question and speed, as a Markdown table."""
    names = list(next(iter(times.values())))
    peer = names[0]
    header = ["", *(title for n in times for title in (f"{n} a note: s / question", f"{n} a note: times"))]
    rows = []
    for name in names:
        row = [name]
        for found in times.values():
            ratio = statistics.median(a / b for a, b in zip(found[peer], found[name]))
            row += [f"{statistics.median(found[name]):.3f}", f"{ratio:.1f}"]
        rows.append(row)
    length = statistics.mean(len(text.split()) for text in texts)
    typer.echo(f"{len(texts)} notes of {length:.0f} words, {torch.get_num_threads()} threads, {repeats} rounds\n")
    typer.echo(markdown_table(header, rows, n_texts=1))


if __name__ == "__main__":
    typer.run(main)
