"""Uncertainty of measures: the bootstrap over clusters, such as notes. Pure; vectorised over resamples.

Method: Efron and Tibshirani, 1993, 'An Introduction to the Bootstrap', chapter 13, with notes for observations.
"""

from typing import Tuple

import numpy


def resample_weights(clusters: int, *, resamples: int = 10_000, seed: int = 0) -> numpy.ndarray:
    """Draw clusters with replacement, as many as there are. Measures that share these weights are paired.

    clusters (int): Number of clusters, at least 1.
    resamples (int): Number of resamples.
    seed (int): Seed of the draws.
    RETURNS (numpy.ndarray): How often each resample has each cluster, resamples by clusters.
    """
    shares = numpy.full(clusters, 1.0 / clusters)
    return numpy.random.default_rng(seed).multinomial(clusters, shares, size=resamples).astype(float)


def weighted_mean(weights: numpy.ndarray, sums: numpy.ndarray, counts: numpy.ndarray) -> numpy.ndarray:
    """The mean over the items of all clusters, for each resample.

    weights (numpy.ndarray): Resamples by clusters.
    sums (numpy.ndarray): Sum of the items of each cluster.
    counts (numpy.ndarray): Number of items of each cluster.
    RETURNS (numpy.ndarray): The means, NaN where a resample has no item.
    """
    return _divide(weights @ sums, weights @ counts)


def weighted_macro_f1(
    weights: numpy.ndarray, gold: numpy.ndarray, predicted: numpy.ndarray, hits: numpy.ndarray
) -> numpy.ndarray:
    """Macro F1 over the classes that occur in gold or prediction, for each resample.

    weights (numpy.ndarray): Resamples by clusters.
    gold (numpy.ndarray): Items of each class by gold label, clusters by classes.
    predicted (numpy.ndarray): The same by predicted label.
    hits (numpy.ndarray): Items of each class with equal labels, clusters by classes.
    RETURNS (numpy.ndarray): The macro F1, NaN where a resample has no item.
    """
    scores = _divide(2 * (weights @ hits), weights @ (gold + predicted))
    occurs = ~numpy.isnan(scores)
    return _divide(numpy.where(occurs, scores, 0.0).sum(axis=1), occurs.sum(axis=1))


def _divide(numerators: numpy.ndarray, denominators: numpy.ndarray) -> numpy.ndarray:
    undefined = numpy.full(numerators.shape, numpy.nan)
    return numpy.divide(numerators, denominators, out=undefined, where=denominators > 0)


def percentile_interval(values: numpy.ndarray, *, level: float = 0.95) -> Tuple[float, float]:
    """The bootstrap's percentile interval.

    values (numpy.ndarray): A measure of each resample; resamples where it is undefined (NaN) do not count.
    level (float): Share of the resamples inside, between 0 and 1.
    RETURNS (Tuple[float, float]): Lower and upper bound.
    """
    low, high = numpy.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
