"""The bootstrap against numbers worked by hand, against all resamples there are, and on simulated data."""

from collections import Counter
from itertools import product
from math import factorial, prod

import numpy
import pytest

from spacy_cqa.metrics import category_table, macro_f1
from spacy_cqa.statistics import percentile_interval, resample_weights, weighted_macro_f1, weighted_mean

CLASSES = "ABC"


def all_weights(clusters):
    """Every ordered draw of as many clusters as there are, all equally likely, as weights."""
    draws = product(range(clusters), repeat=clusters)
    return numpy.array([numpy.bincount(draw, minlength=clusters) for draw in draws], dtype=float)


def test_every_resample_has_as_many_clusters():
    weights = resample_weights(5, resamples=50)
    assert weights.shape == (50, 5)
    assert (weights.sum(axis=1) == 5).all()
    assert (weights == resample_weights(5, resamples=50)).all()
    assert (weights != resample_weights(5, resamples=50, seed=1)).any()


@pytest.mark.parametrize("clusters", [2, 3])
def test_resamples_come_as_often_as_they_are_likely(clusters):
    found = Counter(map(tuple, resample_weights(clusters).astype(int).tolist()))
    assert len(found) == {2: 3, 3: 10}[clusters]
    for weights, count in found.items():
        share = factorial(clusters) / prod(map(factorial, weights)) / clusters**clusters
        assert abs(count - 10_000 * share) < 4 * (10_000 * share * (1 - share)) ** 0.5


def test_weighted_mean_by_hand():
    weights = numpy.array([[1, 1, 1], [2, 0, 1], [0, 3, 0], [0, 0, 3]])
    found = weighted_mean(weights, numpy.array([1.0, 0.5, 0.0]), numpy.array([2, 1, 0]))
    # 1.5 of 3, 2 of 4, 1.5 of 3, nothing of nothing
    assert found[:3] == pytest.approx([0.5, 0.5, 0.5])
    assert numpy.isnan(found[3])


# By cluster: pairs of gold and predicted class.
CLUSTERS = [[("A", "A"), ("B", "A")], [("B", "B")], [("A", "C"), ("B", "B"), ("B", "B")], []]


def class_counts():
    gold, predicted, hits = numpy.zeros((3, len(CLUSTERS), len(CLASSES)))
    for n, pairs in enumerate(CLUSTERS):
        for expected, found in pairs:
            gold[n, CLASSES.index(expected)] += 1
            predicted[n, CLASSES.index(found)] += 1
            hits[n, CLASSES.index(expected)] += expected == found
    return gold, predicted, hits


def test_weighted_macro_f1_by_hand():
    weights = numpy.array([[1, 1, 1, 1], [0, 4, 0, 0], [4, 0, 0, 0], [0, 0, 0, 4]])
    found = weighted_macro_f1(weights, *class_counts())
    # A 2/(2+2), B 6/(4+3), C 0; then B alone; then A 2/(2+1), B 0
    assert found[:3] == pytest.approx([(1 / 2 + 6 / 7 + 0) / 3, 1.0, (2 / 3 + 0) / 2])
    assert numpy.isnan(found[3])


def test_weighted_macro_f1_is_that_of_the_repeated_items():
    weights = resample_weights(len(CLUSTERS), resamples=60, seed=3)
    for row, found in zip(weights, weighted_macro_f1(weights, *class_counts())):
        pairs = [pair for times, items in zip(row.astype(int), CLUSTERS) for pair in items * times]
        expected = macro_f1(category_table(pairs, CLASSES))
        assert found == pytest.approx(expected) if pairs else numpy.isnan(found)


@pytest.mark.parametrize(
    ("values", "level", "expected"),
    [
        (range(101), 0.9, (5, 95)),
        (range(101), 0.5, (25, 75)),
        ([3.0, float("nan"), 3.0], 0.95, (3, 3)),
        ([*range(101), *[float("nan")] * 50], 0.9, (5, 95)),
    ],
)
def test_percentile_interval(values, level, expected):
    assert percentile_interval(numpy.array(values, dtype=float), level=level) == pytest.approx(expected)


# Levels whose bounds lie over 0.01 away from a step of the exact distribution: three standard errors of 10,000 draws.
@pytest.mark.parametrize(
    ("sums", "counts", "level"),
    [
        ([1.0, 0.5], [2, 2], 0.95),
        ([1.0, 0.5], [2, 2], 0.4),
        ([1.0, 0.5, 0.0], [2, 2, 1], 0.95),
        ([1.0, 0.5, 0.0], [2, 2, 1], 0.8),
        ([0.2, -0.5, 3.0], [1, 2, 4], 0.8),
    ],
)
def test_interval_is_the_one_of_all_resamples(sums, counts, level):
    sums, counts = numpy.array(sums), numpy.array(counts)
    exact = weighted_mean(all_weights(len(sums)), sums, counts)
    shares = [(1 - level) / 2, (1 + level) / 2]
    steps = [(exact <= value + 1e-12).mean() for value in exact]
    assert min(abs(share - step) for share in shares for step in steps) > 0.01
    found = percentile_interval(weighted_mean(resample_weights(len(sums)), sums, counts), level=level)
    assert found == pytest.approx(numpy.quantile(exact, shares, method="inverted_cdf"))


def test_intervals_cover_the_truth_only_if_clusters_are_resampled():
    rng = numpy.random.default_rng(0)
    clusters, size, sets = 30, 5, 300
    by_cluster, by_item = (resample_weights(n, resamples=300) for n in (clusters, clusters * size))
    covered = numpy.zeros(2)
    for _ in range(sets):
        items = 0.4 + rng.normal(0, 1, (clusters, 1)) + rng.normal(0, 1, (clusters, size))
        low, high = percentile_interval(weighted_mean(by_cluster, items.sum(axis=1), numpy.full(clusters, size)))
        covered[0] += low <= 0.4 <= high
        low, high = percentile_interval(weighted_mean(by_item, items.ravel(), numpy.ones(clusters * size)))
        covered[1] += low <= 0.4 <= high
    # 95 % within three standard errors of 300 sets, less what percentiles of few clusters lack
    assert 0.90 <= covered[0] / sets <= 0.98
    assert covered[1] / sets < 0.80
