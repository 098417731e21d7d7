"""How far probabilities can be trusted. Pure."""

from bisect import bisect_left
from typing import Optional, Sequence


def expected_calibration_error(
    confidences: Sequence[float], correct: Sequence[bool], *, bins: int = 10
) -> Optional[float]:
    """Mean distance between confidence and accuracy over bins of equal width, weighted by their sizes (Naeini, Cooper
    and Hauskrecht, 2015; Guo et al., 2017, arXiv 1706.04599).

    confidences (Sequence[float]): Probability given to each decision, from 0 to 1.
    correct (Sequence[bool]): Whether each was right.
    bins (int): The number of bins.
    RETURNS (Optional[float]): From 0 to 1, None of nothing.
    """
    if not confidences:
        return None
    edges = [n / bins for n in range(1, bins)]
    sums = [[0.0, 0.0] for _ in range(bins)]
    for confidence, is_right in zip(confidences, correct):
        # A bin holds its upper edge, the first one 0 as well.
        place = bisect_left(edges, confidence)
        sums[place][0] += confidence
        sums[place][1] += is_right
    return sum(abs(confidence - right) for confidence, right in sums) / len(confidences)
