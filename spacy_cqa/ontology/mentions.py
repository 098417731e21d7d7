"""From the text of an answer to concepts: the whole answer by similarity, else the names of concepts inside it."""

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from .kb import Candidate, KnowledgeBase
from .names import MAX_NAME_WORDS, words_of


@dataclass(frozen=True)
class LinkSettings:
    """How answers are linked.

    k (int): Names of the knowledge base to look up for each text.
    threshold (float): Least similarity of a text to a name, from 0 to 1.
    max_candidates (int): Most concepts to keep for an answer.
    partial (bool): Whether an answer that is like no name as a whole is linked by the names inside it, and a bare value
        labelled by the name before it. All names are then kept in a table of their own.
    """

    k: int = 30
    threshold: float = 0.7
    max_candidates: int = 5
    partial: bool = True


def link_texts(kb: KnowledgeBase, texts: Sequence[str], settings: LinkSettings) -> Dict[str, List[Candidate]]:
    """Link texts, each distinct one once.

    kb (KnowledgeBase): The knowledge base.
    texts (Sequence[str]): The answers.
    settings (LinkSettings): How.
    RETURNS (Dict[str, List[Candidate]]): For each text its concepts, best first. A concept found by a name inside the
        text has a score halfway between 1 and the share of the text's characters that the name covers.
    """
    distinct = [text for text in dict.fromkeys(" ".join(text.split()) for text in texts) if text]
    similar = kb.find_similar(distinct, k=settings.k, threshold=settings.threshold)
    found = dict(zip(distinct, similar))
    links = {text: found[text] or (names_inside(kb, text) if settings.partial else []) for text in distinct}
    return {text: links.get(" ".join(text.split()), [])[: settings.max_candidates] for text in texts}


def names_inside(kb: KnowledgeBase, text: str) -> List[Candidate]:
    """Concepts whose names stand in a text as whole words, the longest names first; names do not overlap.

    kb (KnowledgeBase): The knowledge base.
    text (str): The text.
    RETURNS (List[Candidate]): The concepts, each once, those with longer names first.
    """
    words = words_of(text)
    candidates: List[Candidate] = []
    for start, end, ids in _longest_names(kb, [word for word, _, _ in words]):
        name = text[words[start][1] : words[end - 1][2]]
        covered = len(name) / len(text)
        candidates.extend(Candidate(concept_id, 0.5 + 0.5 * covered, name) for concept_id in ids)
    best: Dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: -candidate.score):
        best.setdefault(candidate.concept_id, candidate)
    return list(best.values())


def _longest_names(kb: KnowledgeBase, words: Sequence[str]) -> List[Tuple[int, int, Tuple[str, ...]]]:
    found: List[Tuple[int, int, Tuple[str, ...]]] = []
    for length in range(min(len(words), MAX_NAME_WORDS), 0, -1):
        for start in range(len(words) - length + 1):
            end = start + length
            if any(start < other_end and other_start < end for other_start, other_end, _ in found):
                continue
            ids = kb.find_name(" ".join(words[start:end]))
            if ids:
                found.append((start, end, ids))
    return found


def names_before(kb: KnowledgeBase, text: str) -> List[Tuple[str, ...]]:
    """Names in the text before a value, one of which tells what it is a value of.

    kb (KnowledgeBase): The knowledge base.
    text (str): The line of a note up to the value.
    RETURNS (List[Tuple[str, ...]]): The concepts of each name, the name nearest to the value first.
    """
    words = [word for word, _, _ in words_of(text)]
    return [ids for _, _, ids in sorted(_longest_names(kb, words), reverse=True)]
