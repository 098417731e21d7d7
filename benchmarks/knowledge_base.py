"""Building and asking the index of a knowledge base: ours against scispacy's parameters, in one run.

    python benchmarks/knowledge_base.py [--names 50000] [--compared 5000]

`--names` names are indexed as `spacy cqa kb` does; both ways of building are compared on the first `--compared` of
them, because scispacy's takes too long on all. Names are made from the starter ontology: each with words put before it.
"""

import csv
import statistics
import tempfile
import time
from pathlib import Path
from typing import Callable, List

import numpy
import typer

from spacy_cqa.ontology.index import ExactIndex, build_index, load_index, read_vectorizer

ONTOLOGY = Path(__file__).parent.parent / "assets" / "ontology"
PREFIXES = ("", "acute ", "chronic ", "left ", "right ", "history of ", "severe ", "recurrent ")
SCISPACY = {"M": 100, "indexThreadQty": 60, "efConstruction": 2000, "post": 0}


def main(names: int = 50_000, compared: int = 5_000) -> None:
    """Print times and ratios."""
    texts = make_names(names)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        typer.echo(f"Index of {len(texts)} names: {seconds(lambda: build_index(texts, folder)):.1f} s")
        ask(folder, texts)
        few = texts[:compared]
        ours = seconds(lambda: build_index(few, folder))
        theirs = seconds(lambda: build_as_scispacy(few, folder))
        typer.echo(
            f"Index of {len(few)} names: ours {ours:.1f} s, scispacy's {theirs:.1f} s, {theirs / ours:.1f} times"
        )


def make_names(count: int) -> List[str]:
    """RETURNS (List[str]): That many distinct names."""
    plain: List[str] = []
    for path in sorted(ONTOLOGY.glob("*.tsv")):
        with path.open(encoding="utf8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                plain.extend([row["name"], *filter(None, row["synonyms"].split("|"))])
    return list(dict.fromkeys(prefix + name for prefix in PREFIXES for name in plain))[:count]


def build_as_scispacy(texts: List[str], folder: Path) -> None:
    """The index with the parameters of scispacy 0.6.2's `create_tfidf_ann_index`."""
    import nmslib
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), dtype=numpy.float32)
    index = nmslib.init(method="hnsw", space="cosinesimil_sparse", data_type=nmslib.DataType.SPARSE_VECTOR)
    index.addDataPointBatch(vectorizer.fit_transform(texts))
    index.createIndex(SCISPACY)


def ask(folder: Path, texts: List[str]) -> None:
    """Print the time of one look-up, exact and approximate, and how often the approximate one finds the nearest."""
    import scipy.sparse

    vectors = scipy.sparse.load_npz(folder / "tfidf_vectors_sparse.npz")
    queries = read_vectorizer(folder / "vectorizer.json").transform([name[1:] for name in texts[::50]])
    exact, approximate = ExactIndex(vectors), load_index(vectors, folder / "nmslib_index.bin")
    nearest = [distances[0] for _, distances in exact.knnQueryBatch(queries, 30)]
    found = [distances[0] for _, distances in approximate.knnQueryBatch(queries, 30)]
    recall = numpy.mean(numpy.array(found) <= numpy.array(nearest) + 1e-4)
    times = [
        statistics.median(seconds(lambda: index.knnQueryBatch(queries, 30)) for _ in range(5))  # noqa: B023
        for index in (exact, approximate)
    ]
    per_text = [1000 * took / queries.shape[0] for took in times]
    typer.echo(
        f"Look-up of a text: exact {per_text[0]:.2f} ms, approximate {per_text[1]:.2f} ms (nearest: {recall:.1%})"
    )


def seconds(work: Callable[[], object]) -> float:
    """RETURNS (float): How long it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    typer.run(main)
