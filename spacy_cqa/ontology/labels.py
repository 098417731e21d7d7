"""Weak category labels of answers, after the labelling of 'Clinical QA 2.0' (arXiv 2502.13108).

Semantic types of linked concepts, soft where they disagree; then typed patterns for what never links; then what a bare
value is a value of; else no label.
"""

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

from ..categories import Distribution, average, best_category, soft_label
from ..types import CharSpan
from .kb import Candidate, KnowledgeBase
from .mentions import LinkSettings, link_texts, names_before
from .patterns import find_pattern, is_bare_value
from .semantic_types import type_weights

SOURCES = ("concept", "pattern", "value")
_HAVE_VALUES = ("Lab Reports", "Symptoms", "Medication")  # tests, vital signs, doses
_CONTEXT = 80  # characters before a value in which the name of what it measures is looked for


@dataclass(frozen=True)
class WeakLabel:
    """A weak label: a distribution over the categories, and which source gave it."""

    distribution: Distribution
    source: str


class WeakLabeller:
    """Labels answers by a knowledge base and typed patterns."""

    def __init__(
        self,
        kb: KnowledgeBase,
        *,
        settings: LinkSettings = LinkSettings(),  # noqa: B008 - frozen
        sources: Sequence[str] = SOURCES,
    ):
        """Make a labeller.

        kb (KnowledgeBase): The knowledge base.
        settings (LinkSettings): How answers are linked.
        sources (Sequence[str]): Which of `SOURCES` to use, in this order: the first that says something decides.
        """
        self.kb = kb
        self.settings = settings
        self.sources = tuple(sources)

    def link(self, texts: Sequence[str]) -> Dict[str, List[Candidate]]:
        """RETURNS (Dict[str, List[Candidate]]): The concepts of each text; see `link_texts`."""
        return link_texts(self.kb, texts, self.settings)

    def label(
        self, text: str, spans: Sequence[CharSpan], *, links: Optional[Sequence[List[Candidate]]] = None
    ) -> List[Optional[WeakLabel]]:
        """Label answers of a note.

        text (str): The note.
        spans (Sequence[CharSpan]): The answers.
        links (Optional[Sequence[List[Candidate]]]): Their concepts, where they are known.
        RETURNS (List[Optional[WeakLabel]]): A label of each, None where no source says anything.
        """
        if links is None:
            answers = [text[start:end] for start, end in spans]
            found = self.link(answers) if "concept" in self.sources else {}
            links = [found.get(answer, []) for answer in answers]
        return [self._label(text, span, candidates) for span, candidates in zip(spans, links)]

    def _label(self, text: str, span: CharSpan, candidates: Sequence[Candidate]) -> Optional[WeakLabel]:
        for source in self.sources:
            found = self._ask_source(source, text, span, candidates)
            if found is not None:
                return WeakLabel(found, source)
        return None

    def _ask_source(
        self, source: str, text: str, span: CharSpan, candidates: Sequence[Candidate]
    ) -> Optional[Distribution]:
        answer = text[span[0] : span[1]]
        if source == "concept":
            return concept_label(self.kb, candidates)
        if source == "pattern":
            pattern = find_pattern(answer)
            return None if pattern is None else soft_label(pattern.category)
        looks = self.settings.partial and is_bare_value(answer)
        return self._value_label(text, span) if looks else None

    def _value_label(self, text: str, span: CharSpan) -> Optional[Distribution]:
        """The category of what a bare value measures: the nearest name before it on its line that has values."""
        _, _, before = text[max(0, span[0] - _CONTEXT) : span[0]].rpartition("\n")
        for ids in names_before(self.kb, before):
            label = concept_label(self.kb, [Candidate(concept_id, 1.0, "") for concept_id in ids])
            if label is not None and best_category(label) in _HAVE_VALUES:
                return label
        return None


def concept_label(kb: KnowledgeBase, candidates: Sequence[Candidate]) -> Optional[Distribution]:
    """Category evidence of linked concepts: their types' weights, weighted by how near they come to the best.

    kb (KnowledgeBase): Knows the concepts' types.
    candidates (Sequence[Candidate]): The concepts.
    RETURNS (Optional[Distribution]): The distribution, None where no type has a category.
    """
    best = max((candidate.score for candidate in candidates), default=0.0)
    weighed: Dict[Distribution, float] = {}
    for candidate in candidates:
        weights = type_weights(kb.types_of(candidate.concept_id))
        if weights is not None:
            weighed[weights] = weighed.get(weights, 0.0) + _nearness(candidate.score, best)
    return average(list(weighed), list(weighed.values()))


def _nearness(score: float, best: float) -> float:
    """A tenth less of similarity counts a tenth as much: cosines lie close together."""
    return 10.0 ** (10.0 * (score - best))
