"""The index that finds names like a text: TF-IDF vectors of character 3-grams, compared by cosine, as scispacy's.

Large ones are asked for approximate nearest neighbours (HNSW; Malkov and Yashunin, 2018, arXiv 1603.09320). scispacy's
own function to build such an index refuses scipy >= 1.11.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, List, Tuple

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

# Up to this many names every one is compared, which takes under a millisecond and misses none; the approximate index
# is then there for scispacy's own loader, and quickly built (scispacy's efConstruction of 2000 takes an hour).
EXACT_LIMIT = 200_000
_SMALL_INDEX = {"M": 30, "efConstruction": 100, "post": 0}
_LARGE_INDEX = {"M": 100, "efConstruction": 400, "post": 0}
_QUERY_PARAMETERS = {"efSearch": 200}
_QUERY_BLOCK = 128  # texts compared with all names at once
_MANY_NAMES = 500_000  # from here on, as in scispacy, 3-grams of fewer than ten names are left out


def build_index(names: List[str], folder: Path) -> None:
    """Write the index of some names: four files that scispacy's `LinkerPaths` names, and vectorizer.json.

    names (List[str]): The names, each once.
    folder (Path): An existing folder.
    """
    import joblib
    import numpy
    import scipy.sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 3), min_df=10 if len(names) >= _MANY_NAMES else 1, dtype=numpy.float32
    )
    vectors = vectorizer.fit_transform(names)
    # A name of nothing but rare 3-grams has no direction; the index takes none of these.
    filled = numpy.flatnonzero(numpy.asarray(vectors.sum(axis=1)).ravel() > 0)
    names, vectors = [names[row] for row in filled], vectors[filled]
    index = _empty_index()
    index.addDataPointBatch(vectors)
    index.createIndex(_SMALL_INDEX if len(names) <= EXACT_LIMIT else _LARGE_INDEX, print_progress=False)
    index.saveIndex(str(folder / "nmslib_index.bin"))
    scipy.sparse.save_npz(folder / "tfidf_vectors_sparse.npz", vectors)
    joblib.dump(vectorizer, folder / "tfidf_vectorizer.joblib")
    _write_json(folder / "concept_aliases.json", names)
    _write_json(
        folder / "vectorizer.json",
        {
            "vocabulary": {gram: int(n) for gram, n in vectorizer.vocabulary_.items()},
            "idf": [float(weight) for weight in vectorizer.idf_],
        },
    )


def _empty_index() -> Any:
    import nmslib

    return nmslib.init(method="hnsw", space="cosinesimil_sparse", data_type=nmslib.DataType.SPARSE_VECTOR)


def _write_json(path: Path, data: Any) -> None:
    # ASCII, since scispacy reads in the encoding of the platform.
    path.write_text(json.dumps(data), encoding="ascii")


class ExactIndex:
    """Nearest neighbours by comparing with every vector; asked as an nmslib index is."""

    def __init__(self, vectors: Any):
        """Keep the vectors.

        vectors (scipy.sparse.csr_matrix): Rows of length 1, shape (names, 3-grams).
        """
        self._transposed = vectors.T.tocsr()

    def knnQueryBatch(self, vectors: Any, k: int) -> List[Tuple[Any, Any]]:  # noqa: N802 - nmslib's name
        """Find the nearest rows.

        vectors (scipy.sparse.csr_matrix): Rows of length 1, shape (queries, 3-grams).
        k (int): How many to find for each.
        RETURNS (List[Tuple[numpy.ndarray, numpy.ndarray]]): Numbers of the nearest rows and their cosine distances, the
            nearest first, by query.
        """
        blocks = range(0, vectors.shape[0], _QUERY_BLOCK)
        return [found for start in blocks for found in self._nearest(vectors[start : start + _QUERY_BLOCK], k)]

    def _nearest(self, vectors: Any, k: int) -> Iterator[Tuple[Any, Any]]:
        import numpy

        similarities = (vectors @ self._transposed).toarray()
        k = min(k, similarities.shape[1])
        nearest = numpy.argpartition(-similarities, k - 1, axis=1)[:, :k]
        for row, columns in zip(similarities, nearest):
            order = columns[numpy.lexsort((columns, -row[columns]))]
            yield order, 1.0 - row[order]


def load_index(vectors: Any, path: Path) -> Any:
    """Load an approximate index.

    vectors (scipy.sparse.csr_matrix): The vectors that it was built from.
    path (Path): nmslib's file.
    RETURNS (FloatIndex): nmslib's index.
    """
    index = _empty_index()
    index.addDataPointBatch(vectors)
    index.loadIndex(str(path))
    index.setQueryTimeParams(_QUERY_PARAMETERS)
    return index


def read_vectorizer(path: Path) -> "TfidfVectorizer":
    """RETURNS (TfidfVectorizer): The vectorizer of a vectorizer.json, which unlike a .joblib file runs no code."""
    import numpy
    from sklearn.feature_extraction.text import TfidfVectorizer

    saved = json.loads(path.read_text(encoding="utf8"))
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 3), vocabulary=saved["vocabulary"], dtype=numpy.float32
    )
    vectorizer.idf_ = numpy.asarray(saved["idf"], dtype=numpy.float32)
    return vectorizer
