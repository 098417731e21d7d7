"""The component `clinical_qa_linker`: links answers to concepts of a knowledge base, and mixes what the concepts' types
say of their category into the category scores.

scispacy's linker reads `doc.ents` alone, so an answer is otherwise never linked. spaCy imports this module whenever
anybody makes a `Language` object: scispacy, which takes a second to import, comes in with the first doc.
"""

import copyreg
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import srsly
from spacy import util
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span

from ..categories import Distribution, best_category, mix
from ..errors import Errors
from ..ontology.kb import FILES, SCISPACY_NAMES, Candidate, KnowledgeBase, check_folder
from ..ontology.labels import SOURCES, WeakLabeller
from ..ontology.mentions import LinkSettings
from ..schemas import NoteAnswers, ScoredSpan, given_spans, read_note_answers, set_extensions, write_answers
from ..types import CATEGORIES, SPANS_KEY, CharSpan

READER, MIXED, ONTOLOGY = CATEGORY_SOURCES = ("reader", "mixed", "ontology")
DEFAULT_WEIGHT = 0.3  # where none was fitted


@Language.factory(
    "clinical_qa_linker",
    requires=["doc.spans"],
    assigns=["doc.spans"],
    default_config={
        "kb": "umls",
        "linker": None,
        "spans_key": SPANS_KEY,
        "k": 30,
        "threshold": 0.7,
        "max_candidates": 5,
        "partial": True,
        "category_source": READER,
        "linker_weight": None,
    },
)
def make_clinical_qa_linker(
    nlp: Language,
    name: str,
    kb: str,
    linker: Optional[str],
    spans_key: str,
    k: int,
    threshold: float,
    max_candidates: int,
    partial: bool,
    category_source: str,
    linker_weight: Optional[float],
) -> "ClinicalQALinker":
    """Make the component.

    kb (str): A folder that `spacy cqa kb` wrote, or one of scispacy's: umls, mesh, rxnorm, hpo, go (fetched by scispacy
        at first use).
    linker (Optional[str]): Name of a `scispacy_linker` earlier in the pipeline, whose knowledge base is used instead.
    spans_key (str): Where in `doc.spans` the answers are.
    k (int): Names to look up for an answer.
    threshold (float): Least similarity of an answer to a name, from 0 to 1.
    max_candidates (int): Most concepts to keep for an answer.
    partial (bool): Whether an answer that is like no name as a whole is linked by the names inside it.
    category_source (str): Where categories come from: "reader", as predicted; "mixed", with the evidence of the linked
        concepts; "ontology", from concepts, typed patterns and what bare values measure alone, for a reader without a
        trained category head ("" where none of them says anything).
    linker_weight (Optional[float]): Weight of the evidence in "mixed", from 0 to 1; None for the fitted one.
    RETURNS (ClinicalQALinker): The component.
    RAISES (ValueError): E064, E065: a setting is not usable.
    """
    set_extensions()
    settings = {
        "spans_key": spans_key,
        "k": k,
        "threshold": threshold,
        "max_candidates": max_candidates,
        "partial": partial,
        "category_source": category_source,
        "linker_weight": linker_weight,
    }
    base = _own_kb(kb) if linker is None else _kb_of_linker(nlp, linker)
    return ClinicalQALinker(base, name, settings=settings)


def _own_kb(kb: str) -> KnowledgeBase:
    if not kb.strip():
        expected = f"a folder that `spacy cqa kb` wrote, or one of {list(SCISPACY_NAMES)}"
        raise ValueError(Errors.E064.format(name="kb", value=kb, expected=expected))
    return KnowledgeBase(kb)


def _kb_of_linker(nlp: Language, linker: str) -> KnowledgeBase:
    generator = getattr(nlp.get_pipe(linker), "candidate_generator", None) if nlp.has_pipe(linker) else None
    if generator is None:
        raise ValueError(Errors.E065.format(linker=linker, found=nlp.pipe_names))
    return KnowledgeBase("", generator=generator)


class ClinicalQALinker(Pipe):
    """Links the answers of `clinical_qa`, and settles their categories with what the concepts say."""

    def __init__(self, kb: KnowledgeBase, name: str = "clinical_qa_linker", *, settings: Mapping[str, Any]):
        """Initialize the component.

        kb (KnowledgeBase): The knowledge base; nothing of it is read yet.
        name (str): Name of the component in the pipeline.
        settings (Mapping[str, Any]): The settings of `make_clinical_qa_linker`, without `kb` and `linker`.
        RAISES (ValueError): E064, a setting is not usable.
        """
        self.kb = kb
        self.kb_setting = kb.source  # what the config says, which a folder loaded from disk must not override
        self.name = name
        self.settings = dict(settings)
        self.cfg: Dict[str, Any] = {}  # what was fitted
        _check_settings(self.settings)

    @property
    def spans_key(self) -> str:
        """RETURNS (str): Where in `doc.spans` the answers are."""
        return self.settings["spans_key"]

    @property
    def weight(self) -> float:
        """RETURNS (float): Weight of the evidence: the setting, else the fitted one, else 0.3."""
        given = self.settings["linker_weight"]
        return float(self.cfg.get("linker_weight", DEFAULT_WEIGHT) if given is None else given)

    def __call__(self, doc: Doc) -> Doc:
        """Link the answers of a doc. The group is built anew, since a span taken from it is a copy.

        doc (Doc): A doc that `clinical_qa` answered.
        RETURNS (Doc): The doc.
        RAISES (ValueError): E063, there is no group of answers; E060 to E062: the knowledge base cannot be read.
        """
        answers = read_note_answers(doc, spans_key=self.spans_key)
        if answers is None:
            raise ValueError(Errors.E063.format(name=self.name, key=self.spans_key))
        given = given_spans(doc) if self.settings["category_source"] != READER else {}
        if answers.spans or given:
            write_answers(doc, self._link(doc, answers, given), spans_key=self.spans_key)
        return doc

    def _link(self, doc: Doc, answers: NoteAnswers, given: Mapping[str, Sequence[CharSpan]]) -> NoteAnswers:
        """Answers and given spans are looked up together: the index is asked of many texts as fast as of one."""
        rows = answers.given_category_scores
        places = [place for qid in rows for place in given.get(qid, ())]
        spans = [doc[span.start : span.end] for span in answers.spans]
        links = self._candidates(doc, [*spans, *_find_spans(doc, places)])
        opinions = self.opinions(doc, [*((s.start_char, s.end_char) for s in spans), *places], links)
        linked = [
            self._linked(span, candidates, opinion, answers.wanted_categories.get(span.question_id, ()))
            for span, candidates, opinion in zip(answers.spans, links, opinions)
        ]
        answers.spans = [span for span in linked if self._is_wanted(span, answers)]
        rest = iter(opinions[len(spans) :])
        for qid in rows:
            found = [next(rest) for _ in given.get(qid, ())]
            if found:
                rows[qid] = [list(self._settle(row, opinion) or row) for row, opinion in zip(rows[qid], found)]
        return answers

    def _linked(
        self, span: ScoredSpan, candidates: List[Candidate], opinion: Optional[Distribution], wanted: Sequence[str]
    ) -> ScoredSpan:
        scores, category = span.category_scores, span.category
        if self.settings["category_source"] != READER:
            scores = self._settle(scores, opinion)
            category = self._settle_category(category, scores, wanted)
        return ScoredSpan(
            span.question_id,
            span.start,
            span.end,
            category,
            span.score,
            scores,
            concept_id=candidates[0].concept_id if candidates else "",
            concepts=tuple((candidate.concept_id, candidate.score) for candidate in candidates),
        )

    def _is_wanted(self, span: ScoredSpan, answers: NoteAnswers) -> bool:
        """Not, where the question asks for some categories only and the evidence is for others alone."""
        wanted = answers.wanted_categories.get(span.question_id)
        has_evidence = self.settings["category_source"] == ONTOLOGY and any(span.category_scores or ())
        return not (wanted and has_evidence and span.category not in wanted)

    def _settle(self, scores: Optional[Sequence[float]], opinion: Optional[Distribution]) -> Optional[Distribution]:
        """Category scores from the reader's and the evidence: all 0 where only the evidence counts and says nothing,
        None where there is nothing to mix it with."""
        if self.settings["category_source"] == ONTOLOGY:
            return opinion or (0.0,) * len(CATEGORIES)
        if scores is None or opinion is None:
            return None if scores is None else tuple(scores)
        return mix(scores, opinion, self.weight)

    def _settle_category(self, category: str, scores: Optional[Distribution], wanted: Sequence[str]) -> str:
        """The best category, among those that the question asks for. Where all of them have 0, it is the reader's, or
        unknown without a reader."""
        best = "" if scores is None else _best_wanted(scores, wanted)
        return best or (category if self.settings["category_source"] == MIXED else "")

    # Linking

    def _candidates(self, doc: Doc, spans: Sequence[Span]) -> List[List[Candidate]]:
        """Concepts of each span: those of entities where `scispacy_linker` ran before, else by its text."""
        found = [self._entity_candidates(span) for span in spans]
        long_forms = _long_forms(doc)
        texts = [_expand(span, long_forms) for span in spans]
        asked = [text for text, known in zip(texts, found) if not known]
        links = self.labeller().link(asked) if asked else {}
        return [known or links[text] for text, known in zip(texts, found)]

    def _entity_candidates(self, span: Span) -> List[Candidate]:
        """Those of the entities that share a token with a span, as far as our knowledge base knows them: with a
        `scispacy_linker` over another one, ids of two would stand side by side."""
        found = _entity_candidates(span)
        return [one for one in found if one.concept_id in self.kb][: self.settings["max_candidates"]] if found else []

    def opinions(
        self, doc: Doc, spans: Sequence[CharSpan], links: Optional[Sequence[List[Candidate]]] = None
    ) -> List[Optional[Distribution]]:
        """What the knowledge base says of the categories of spans; concepts alone in "mixed", typed patterns and what
        bare values measure as well in "ontology".

        doc (Doc): The note.
        spans (Sequence[CharSpan]): Their characters.
        links (Optional[Sequence[List[Candidate]]]): Their concepts, where they are known.
        RETURNS (List[Optional[Distribution]]): A distribution for each, None where nothing is known.
        """
        if self.settings["category_source"] == READER or not spans:
            return [None for _ in spans]
        if links is None:
            links = self._candidates(doc, _find_spans(doc, spans))
        labels = self.labeller().label(doc.text, spans, links=links)
        return [None if label is None else label.distribution for label in labels]

    def labeller(self) -> WeakLabeller:
        """RETURNS (WeakLabeller): Links and labels as the settings say."""
        names = ("k", "threshold", "max_candidates", "partial")
        sources = SOURCES if self.settings["category_source"] == ONTOLOGY else ("concept",)
        return WeakLabeller(self.kb, settings=LinkSettings(**{n: self.settings[n] for n in names}), sources=sources)

    # Serialisation

    def __reduce__(self) -> Tuple[Any, ...]:
        """The one that spaCy's class has copies the attributes alone. A generator of another component goes along as it
        is, so that the two still share it when a pipeline is pickled."""
        state = {**self.__dict__, "name": self.name, "_bytes": self.to_bytes()}
        state["kb"] = ("", self.kb.generator) if not self.kb.source else (self.kb.source, None)
        return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        attributes = dict(state)
        data, (source, generator) = attributes.pop("_bytes"), attributes.pop("kb")
        for name, value in attributes.items():
            setattr(self, name, value)
        self.kb = KnowledgeBase(source, generator=generator)
        self.from_bytes(data)

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Write the component: what was fitted, and a knowledge base of one's own. One of scispacy's stays a name, one
        of another component stays there.

        path (Union[str, Path]): The folder; made if missing.
        exclude (Iterable[str]): Names among "cfg", "kb".
        RAISES (ValueError): E060, the knowledge base is not where it was.
        """
        serialize: Dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "kb_setting": lambda p: srsly.write_json(p, {"kb": self.kb_setting}),
            "kb": self._kb_to_disk,
        }
        util.to_disk(path, serialize, exclude)

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "ClinicalQALinker":
        """Load what `to_disk` wrote. The copy of the knowledge base is used if the setting `kb` is what it was.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): As in `to_disk`.
        RETURNS (ClinicalQALinker): The component itself.
        """
        saved_for: Dict[str, str] = {}
        deserialize: Dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: self.cfg.update(srsly.read_json(p)),
            "kb_setting": lambda p: saved_for.update(srsly.read_json(p)) if p.exists() else None,
            "kb": lambda p: self._kb_from_disk(p, saved_for.get("kb")),
        }
        util.from_disk(path, deserialize, exclude)
        return self

    def _kb_to_disk(self, folder: Path) -> None:
        if self.kb.folder is None:
            for name in FILES:  # one that was saved there before would be loaded in its place
                (folder / name).unlink(missing_ok=True)
        self.kb.copy_to(folder)

    def _kb_from_disk(self, folder: Path, setting: Optional[str]) -> None:
        """The saved copy, unless the config was told of another one since: settings win over what was saved."""
        if (folder / FILES[0]).is_file() and setting == self.kb_setting:
            self.kb = KnowledgeBase(folder)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): The component with its knowledge base; `exclude` names some of "cfg", "kb"."""
        serialize: Dict[str, Callable[[], Any]] = {"cfg": lambda: self.cfg, "kb": self._kb_to_data}
        kept = {name: get() for name, get in serialize.items() if name not in exclude}
        return srsly.msgpack_dumps(kept)

    def _kb_to_data(self) -> Dict[str, Any]:
        folder = self.kb.folder
        if folder is not None:
            check_folder(folder)
        files = {} if folder is None else {name: (folder / name).read_bytes() for name in FILES}
        return {"source": self.kb.source, "files": files}

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "ClinicalQALinker":
        """Load what `to_bytes` gave. The index can only be read from files, so the knowledge base is kept in a
        temporary folder as long as it lives.

        bytes_data (bytes): The bytes.
        exclude (Iterable[str]): As in `to_bytes`.
        RETURNS (ClinicalQALinker): The component itself.
        """
        data = srsly.msgpack_loads(bytes_data)
        if "cfg" in data and "cfg" not in exclude:
            self.cfg.update(data["cfg"])
        if "kb" in data and "kb" not in exclude:
            self._kb_from_data(data["kb"])
        return self

    def _kb_from_data(self, data: Dict[str, Any]) -> None:
        if not data["files"]:
            if data["source"]:
                self.kb = KnowledgeBase(data["source"])
            return
        folder = Path(tempfile.mkdtemp(prefix="clinical_qa_kb_"))
        for name, content in data["files"].items():
            if name in FILES:  # nothing else may be written, whatever the bytes say
                (folder / name).write_bytes(content)
        self.kb = KnowledgeBase(folder)
        weakref.finalize(self.kb, shutil.rmtree, folder, ignore_errors=True)


# Spans, and the entities and abbreviations of scispacy ----------------------------------------------------------------


def _find_spans(doc: Doc, places: Sequence[CharSpan]) -> List[Span]:
    found = [doc.char_span(start, end, alignment_mode="expand") for start, end in places]
    return [doc[0:0] if span is None else span for span in found]


def _entity_candidates(span: Span) -> List[Candidate]:
    """Concepts of the entities that share a token with a span, those of the entity that shares most first."""
    if not Span.has_extension("kb_ents"):
        return []
    shared = [(min(ent.end, span.end) - max(ent.start, span.start), ent) for ent in span.doc.ents]
    found: Dict[str, Candidate] = {}
    for overlap, ent in sorted(shared, key=lambda pair: -pair[0]):
        if overlap > 0:
            for concept_id, score in ent._.kb_ents:
                found.setdefault(concept_id, Candidate(concept_id, float(score), ent.text))
    return list(found.values())


def _long_forms(doc: Doc) -> Dict[str, str]:
    """Abbreviations that the doc itself spells out, where scispacy's detector ran."""
    shorts = doc._.abbreviations if Doc.has_extension("abbreviations") else ()
    return dict(_long_form(short) for short in shorts)


def _long_form(short: Union[Span, Mapping[str, Any]]) -> Tuple[str, str]:
    if isinstance(short, Span):
        return short.text, short._.long_form.text
    return short["short_text"], short["long_text"]  # the detector's make_serializable


def _expand(span: Span, long_forms: Mapping[str, str]) -> str:
    if not long_forms:
        return span.text
    if span.text in long_forms:
        return long_forms[span.text]
    return "".join(long_forms.get(token.text, token.text) + token.whitespace_ for token in span).strip()


# Settings and categories ----------------------------------------------------------------------------------------------


def _best_wanted(scores: Sequence[float], wanted: Sequence[str]) -> str:
    """The best category, among those that a question asks for; "" where all of them have 0."""
    kept = [score if not wanted or name in wanted else 0.0 for name, score in zip(CATEGORIES, scores)]
    return best_category(kept) if sum(kept) > 0 else ""


def _check_settings(settings: Mapping[str, Any]) -> None:
    share = "a number from 0 to 1"
    rules: Tuple[Tuple[str, bool, str], ...] = (
        ("category_source", settings["category_source"] in CATEGORY_SOURCES, f"one of {list(CATEGORY_SOURCES)}"),
        (
            "linker_weight",
            settings["linker_weight"] is None or _is_share(settings["linker_weight"]),
            f"null or {share}",
        ),
        ("threshold", _is_share(settings["threshold"]), share),
        ("k", settings["k"] >= 1, "a whole number of at least 1"),
        ("max_candidates", settings["max_candidates"] >= 1, "a whole number of at least 1"),
    )
    for name, is_usable, expected in rules:
        if not is_usable:
            raise ValueError(Errors.E064.format(name=name, value=settings[name], expected=expected))


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value <= 1
