"""Distributions over the five categories: from annotations, joined, mixed, and read. Pure; tuples in the order of
`types.CATEGORIES`."""

from typing import Iterable, Optional, Sequence, Tuple

from .types import CATEGORIES

Distribution = Tuple[float, ...]

_MAIN_TO_ALSO = 2.0  # weight of a category against each further defensible one, where no soft label is given


def soft_label(
    category: str, also: Iterable[str] = (), probs: Optional[Sequence[float]] = None
) -> Optional[Distribution]:
    """The distribution that an annotation stands for.

    category (str): The annotated category, "" for none.
    also (Iterable[str]): Further defensible categories: each weighs half as much as the main one.
    probs (Optional[Sequence[float]]): An annotated distribution; it goes before the other two.
    RETURNS (Optional[Distribution]): Five probabilities, None where nothing is annotated.
    """
    if probs is not None and sum(probs) > 0:
        return normalize(probs)
    if category not in CATEGORIES:
        return None
    weights = {name: 1.0 for name in also if name in CATEGORIES}
    weights[category] = _MAIN_TO_ALSO
    return normalize([weights.get(name, 0.0) for name in CATEGORIES])


def normalize(weights: Sequence[float]) -> Distribution:
    """RETURNS (Distribution): Weights of at least 0, not all 0, divided by their sum."""
    total = float(sum(weights))
    return tuple(float(weight) / total for weight in weights)


def average(distributions: Sequence[Distribution], weights: Optional[Sequence[float]] = None) -> Optional[Distribution]:
    """The weighted mean of distributions.

    distributions (Sequence[Distribution]): The distributions.
    weights (Optional[Sequence[float]]): A weight of each; all alike without.
    RETURNS (Optional[Distribution]): Their mean, None of nothing.
    """
    shares = [1.0] * len(distributions) if weights is None else list(weights)
    if not distributions or not sum(shares) > 0:
        return None
    return normalize([sum(w * d[n] for w, d in zip(shares, distributions)) for n in range(len(CATEGORIES))])


def mix(model: Sequence[float], evidence: Sequence[float], weight: float) -> Distribution:
    """Mix two opinions linearly, so that neither can rule out what the other is sure of.

    model (Sequence[float]): The model's distribution.
    evidence (Sequence[float]): The other one.
    weight (float): Weight of the evidence, from 0 to 1.
    RETURNS (Distribution): The mixture.
    """
    return tuple((1.0 - weight) * float(p) + weight * float(q) for p, q in zip(model, evidence))


def agree(first: Distribution, second: Distribution) -> Distribution:
    """What two opinions, both right as far as they go, allow: "Diagnosis or Symptoms" and "Symptoms or Lab Reports" is
    Symptoms.

    first (Distribution): One opinion; it alone counts where the two exclude each other.
    second (Distribution): The other one.
    RETURNS (Distribution): Their normalised product.
    """
    product = [p * q for p, q in zip(first, second)]
    return normalize(product) if sum(product) > 0 else first


def best_category(distribution: Sequence[float]) -> str:
    """RETURNS (str): The most probable category, the first one on a tie."""
    return CATEGORIES[max(range(len(CATEGORIES)), key=lambda n: distribution[n])]


def harden(distribution: Distribution) -> Distribution:
    """RETURNS (Distribution): All of it on the most probable category."""
    best = best_category(distribution)
    return tuple(float(name == best) for name in CATEGORIES)
