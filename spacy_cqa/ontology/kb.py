"""A knowledge base on disk: the concepts of an ontology, and the index that finds them by name.

A folder holds

    concepts.jsonl     one concept per line, in scispacy's form
    xrefs.jsonl        its codes in other systems
    meta.json          where it came from, and counts
    concept_aliases.json, tfidf_vectors_sparse.npz, nmslib_index.bin, tfidf_vectorizer.joblib
                       the index, under the names that scispacy's `LinkerPaths.from_directory` expects
    vectorizer.json    the vectorizer once more: ours is read from here, since a .joblib file can run code
"""

import json
import shutil
import zipfile
import zlib
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import srsly
from spacy.lang.en.stop_words import STOP_WORDS

from ..errors import Errors
from ..files import is_replaceable
from .concepts import Concept
from .index import EXACT_LIMIT, ExactIndex, build_index, load_index, read_vectorizer
from .names import MAX_NAME_WORDS, normalize_name

if TYPE_CHECKING:
    from scispacy.candidate_generation import CandidateGenerator
    from scispacy.linking_utils import KnowledgeBase as ScispacyKnowledgeBase
    from sklearn.feature_extraction.text import TfidfVectorizer

KB_FORMAT = 1
SCISPACY_NAMES = ("umls", "mesh", "rxnorm", "hpo", "go")
FILES = (
    "concepts.jsonl",
    "xrefs.jsonl",
    "meta.json",
    "vectorizer.json",
    "concept_aliases.json",
    "tfidf_vectors_sparse.npz",
    "nmslib_index.bin",
    "tfidf_vectorizer.joblib",
)
_DIGITS = 4  # of a similarity: in single precision equal ones differ in the last digits, and would not tie
# What reading files that were cut or edited may raise.
_UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Candidate:
    """A concept that a text may mean: its id, the similarity of the text to one of its names (0 to 1), that name."""

    concept_id: str
    score: float
    name: str


# Building -------------------------------------------------------------------------------------------------------------


def build_kb(
    concepts: Iterable[Concept],
    folder: Path,
    *,
    meta: Optional[Mapping[str, Any]] = None,
    progress: Callable[[str], object] = lambda message: None,
) -> Dict[str, Any]:
    """Write a knowledge base: concepts, then the index over their names.

    concepts (Iterable[Concept]): The concepts, each id once.
    folder (Path): An empty or missing folder.
    meta (Optional[Mapping[str, Any]]): What else to note in meta.json.
    progress (Callable[[str], object]): Is told what is being done.
    RETURNS (Dict[str, Any]): What meta.json holds: `format`, `concepts`, `names`, and `meta`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names, count = _write_concepts(concepts, folder)
    progress(f"Indexing {len(names)} names of {count} concepts ...")
    build_index(names, folder)
    info = {"format": KB_FORMAT, "concepts": count, "names": len(names), **(meta or {})}
    srsly.write_json(folder / "meta.json", info)
    return info


def check_is_replaceable(folder: Path) -> None:
    """Refuse to write over anything that is no knowledge base.

    folder (Path): Where one is to be written.
    RAISES (ValueError): E066.
    """
    # A pipeline has a meta.json as well.
    if not is_replaceable(folder, lambda names: "concepts.jsonl" in names and names.issubset(FILES)):
        raise ValueError(Errors.E066.format(path=folder))


def _write_concepts(concepts: Iterable[Concept], folder: Path) -> Tuple[List[str], int]:
    names: Dict[str, None] = {}
    count = 0
    with (
        (folder / "concepts.jsonl").open("w", encoding="utf8") as lines,
        (folder / "xrefs.jsonl").open("w", encoding="utf8") as codes,
    ):
        for concept in concepts:
            count += 1
            names.update(dict.fromkeys(concept.names))
            lines.write(json.dumps(_to_entity(concept)) + "\n")
            if concept.xrefs:
                codes.write(json.dumps({"id": concept.id, "xrefs": dict(concept.xrefs)}) + "\n")
    return list(names), count


def _to_entity(concept: Concept) -> Dict[str, Any]:
    """A line of scispacy's knowledge bases; its loader takes no further key."""
    return {
        "concept_id": concept.id,
        "canonical_name": concept.name,
        "aliases": list(concept.aliases),
        "types": list(concept.types),
        "definition": concept.definition,
    }


# Reading --------------------------------------------------------------------------------------------------------------


class KnowledgeBase:
    """Concepts by id and by name. Nothing is read before it is needed; a pickled one carries its path alone."""

    def __init__(self, source: Union[str, Path], *, generator: Optional["CandidateGenerator"] = None):
        """Name a knowledge base.

        source (Union[str, Path]): A folder that `build_kb` wrote, or one of scispacy's names: umls, mesh, rxnorm, hpo,
            go, which scispacy downloads at first use.
        generator (Optional[CandidateGenerator]): scispacy's candidate generator, where another component has one.
        """
        self.source = str(source)
        self._generator = generator
        self._codes: Optional[Dict[str, Dict[str, Tuple[str, ...]]]] = None
        self._ids_by_name: Optional[Dict[str, Tuple[str, ...]]] = None

    def __getstate__(self) -> Dict[str, Any]:
        return {"source": self.source}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__init__(state["source"])  # type: ignore[misc]

    @property
    def folder(self) -> Optional[Path]:
        """RETURNS (Optional[Path]): Its folder, None for one of scispacy's or a generator of another component."""
        return None if self.source in SCISPACY_NAMES or not self.source else Path(self.source)

    @property
    def generator(self) -> "CandidateGenerator":
        """RETURNS (CandidateGenerator): scispacy's candidate generator over this knowledge base.
        RAISES (ValueError): E060 to E062: there is no such knowledge base, or it cannot be read.
        """
        if self._generator is None:
            is_known = self.source in SCISPACY_NAMES
            self._generator = _download_generator(self.source) if is_known else load_generator(Path(self.source))
        return self._generator

    def __len__(self) -> int:
        return len(self.generator.kb.cui_to_entity)

    def __contains__(self, concept_id: str) -> bool:
        return concept_id in self.generator.kb.cui_to_entity

    def __iter__(self) -> Iterator[Concept]:
        return (self[concept_id] for concept_id in self.generator.kb.cui_to_entity)

    def __getitem__(self, concept_id: str) -> Concept:
        """RETURNS (Concept): The concept of an id.
        RAISES (KeyError): There is none.
        """
        entity = self.generator.kb.cui_to_entity[concept_id]
        return Concept(
            id=entity.concept_id,
            name=entity.canonical_name,
            aliases=tuple(entity.aliases),
            types=tuple(entity.types),
            definition=entity.definition,
            xrefs=self.codes.get(concept_id, {}),
        )

    @property
    def codes(self) -> Mapping[str, Mapping[str, Tuple[str, ...]]]:
        """RETURNS (Mapping[str, Mapping[str, Tuple[str, ...]]]): Codes by concept id and system.
        RAISES (ValueError): E060, E061: there is no such knowledge base, or it cannot be read.
        """
        if self._codes is None:
            self._codes = {} if self.folder is None else _read_codes(self.folder)
        return self._codes

    def types_of(self, concept_id: str) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Semantic types (TUIs) of a concept, none for an unknown one."""
        entity = self.generator.kb.cui_to_entity.get(concept_id)
        return () if entity is None else tuple(entity.types)

    def find_similar(self, texts: Sequence[str], *, k: int, threshold: float) -> List[List[Candidate]]:
        """Concepts with names similar to texts; cosine of TF-IDF vectors of character 3-grams.

        texts (Sequence[str]): The texts.
        k (int): Names to look up for each.
        threshold (float): Least similarity, from 0 to 1.
        RETURNS (List[List[Candidate]]): For each text the concepts, best first; of equal ones the one whose preferred
            name it is, then the one of the shorter name.
        """
        found = self.generator(list(texts), k)
        return [self._rank(candidates, threshold) for candidates in found]

    def _rank(self, found: Iterable[Any], threshold: float) -> List[Candidate]:
        candidates = [self._best_name(one) for one in found]
        return sorted((one for one in candidates if one.score >= threshold), key=self._rank_key)

    def _best_name(self, found: Any) -> Candidate:
        """The name of a concept that is most similar, of scispacy's candidate, which has all."""
        named = zip(found.similarities, found.aliases)
        scored = [Candidate(found.concept_id, min(round(float(one), _DIGITS), 1.0), name) for one, name in named]
        return min(scored, key=self._rank_key)

    def _rank_key(self, candidate: Candidate) -> Tuple[float, bool, int, str, str]:
        preferred = self.generator.kb.cui_to_entity[candidate.concept_id].canonical_name
        is_alias = candidate.name != preferred
        return -candidate.score, is_alias, len(candidate.name), candidate.concept_id, candidate.name

    def find_name(self, name: str) -> Tuple[str, ...]:
        """Concepts that bear a name, whatever its case and number. Abbreviations that are common English words, such as
        "did", stand for none.

        name (str): The name, of at most eight words.
        RETURNS (Tuple[str, ...]): Their ids, those first whose preferred name it is.
        """
        return self._by_name().get(normalize_name(name), ())

    def _by_name(self) -> Mapping[str, Tuple[str, ...]]:
        if self._ids_by_name is None:
            preferred: Dict[str, Dict[str, None]] = defaultdict(dict)
            further: Dict[str, Dict[str, None]] = defaultdict(dict)
            for concept_id, entity in self.generator.kb.cui_to_entity.items():
                preferred[normalize_name(entity.canonical_name)][concept_id] = None
                for alias in entity.aliases:
                    further[normalize_name(alias)][concept_id] = None
            # Longer names are never looked for, and in the UMLS they are many. "From" is seldom full range of motion.
            names = [
                name
                for name in {**preferred, **further}
                if name and name.count(" ") < MAX_NAME_WORDS and name not in STOP_WORDS
            ]
            self._ids_by_name = {name: tuple({**preferred.get(name, {}), **further.get(name, {})}) for name in names}
        return self._ids_by_name

    def copy_to(self, folder: Path) -> None:
        """Copy the files of a knowledge base of one's own; nothing for one of scispacy's.

        folder (Path): The folder to write; what it held of another knowledge base is replaced.
        RAISES (ValueError): E060: the folder is not there or not complete.
        """
        if self.folder is None or self.folder.resolve() == folder.resolve():
            return
        check_folder(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copyfile(self.folder / name, folder / name)


def load_generator(folder: Path, *, exact_limit: int = EXACT_LIMIT) -> "CandidateGenerator":
    """Load scispacy's candidate generator from a folder that `build_kb` wrote, without unpickling anything.

    folder (Path): The folder.
    exact_limit (int): Up to this many names the nearest ones are found exactly, else by the approximate index.
    RETURNS (CandidateGenerator): The generator; `EntityLinker(candidate_generator=...)` takes it.
    RAISES (ValueError): E060, E061: a file is missing, cannot be read or does not fit the others.
    """
    from scispacy.candidate_generation import CandidateGenerator

    check_folder(folder)
    with _one_error(folder):
        vectors, vectorizer, names, kb = _read_parts(folder)
        problem = _find_misfit(srsly.read_json(folder / "meta.json"), vectors.shape, vectorizer, names, kb)
    if problem:
        raise ValueError(Errors.E061.format(path=folder, problem=problem))
    with _one_error(folder):
        is_small = len(names) <= exact_limit
        index = ExactIndex(vectors) if is_small else load_index(vectors, folder / "nmslib_index.bin")
    return CandidateGenerator(index, vectorizer, names, kb)


def _read_parts(folder: Path) -> Tuple[Any, "TfidfVectorizer", List[str], "ScispacyKnowledgeBase"]:
    import scipy.sparse
    from scispacy.linking_utils import KnowledgeBase as ScispacyKnowledgeBase

    return (
        scipy.sparse.load_npz(folder / "tfidf_vectors_sparse.npz"),
        read_vectorizer(folder / "vectorizer.json"),
        srsly.read_json(folder / "concept_aliases.json"),
        ScispacyKnowledgeBase(str(folder / "concepts.jsonl")),
    )


def _find_misfit(
    meta: Mapping[str, Any],
    shape: Tuple[int, int],
    vectorizer: "TfidfVectorizer",
    names: Sequence[str],
    kb: "ScispacyKnowledgeBase",
) -> str:
    """The first sign that a file was cut or edited though it can be read, "" if there is none."""
    signs = (
        ("format", meta["format"], KB_FORMAT),
        ("concepts", len(kb.cui_to_entity), meta["concepts"]),
        ("names", len(names), shape[0]),
        ("3-grams", len(vectorizer.vocabulary), shape[1]),
        ("names without a concept", sum(name not in kb.alias_to_cuis for name in names), 0),
    )
    return next((f"{what}: {found}, not {expected}" for what, found, expected in signs if found != expected), "")


def _read_codes(folder: Path) -> Dict[str, Dict[str, Tuple[str, ...]]]:
    check_folder(folder)
    with _one_error(folder):
        rows = list(srsly.read_jsonl(folder / "xrefs.jsonl"))
        return {row["id"]: {system: tuple(codes) for system, codes in row["xrefs"].items()} for row in rows}


@contextmanager
def _one_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ValueError(Errors.E061.format(path=folder, problem=problem)) from error


def make_candidate_generator(kb: str) -> "CandidateGenerator":
    """Make a candidate generator for the config of a `scispacy_linker`.

    kb (str): A folder that `spacy cqa kb` wrote, or one of scispacy's names.
    RETURNS (CandidateGenerator): The generator.
    RAISES (ValueError): E060 to E062.
    """
    return KnowledgeBase(kb).generator


def check_folder(folder: Path) -> None:
    """Check that a folder holds every file of a knowledge base.

    folder (Path): The folder.
    RAISES (ValueError): E060.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ValueError(Errors.E060.format(path=folder, missing=missing[0], names=", ".join(SCISPACY_NAMES)))


def _download_generator(name: str) -> "CandidateGenerator":
    from scispacy.candidate_generation import CandidateGenerator

    try:
        return CandidateGenerator(name=name)
    except Exception as error:
        raise ValueError(Errors.E062.format(name=name, problem=type(error).__name__)) from error
