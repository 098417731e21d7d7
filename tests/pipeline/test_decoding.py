"""Decoding against a plain enumeration of all pairs of all windows."""

import numpy
import pytest

from spacy_cqa.pipeline.decoding import _LENGTH_PENALTY, PairScores, window_odds

SEEDS = range(30)


def random_windows(seed, *, ties=False):
    """A note of up to 40 tokens and its windows: (tokens, starts, ends), some tokens white space."""
    rng = numpy.random.default_rng(seed)
    n_tokens = int(rng.integers(1, 40))
    usable = numpy.flatnonzero(rng.random(n_tokens) < 0.85)
    windows = []
    for start in range(0, n_tokens, 7):
        tokens = usable[(usable >= start) & (usable < start + 12)]
        odds = rng.normal(0, 2, (2, len(tokens)))
        starts, ends = numpy.round(odds) if ties else odds
        windows.append((tokens, starts.astype("f"), ends.astype("f")))
    return n_tokens, windows


def enumerate_pairs(windows, max_answer_tokens):
    """(start, end) -> (log-odds, window), the better window of a pair, the earlier of two alike."""
    pairs = {}
    for number, (tokens, starts, ends) in enumerate(windows):
        for i, first in enumerate(tokens):
            for j, last in enumerate(tokens):
                if first <= last < first + max_answer_tokens:
                    key, odds = (int(first), int(last) + 1), float(starts[i] + ends[j])
                    if key not in pairs or odds > pairs[key][0]:
                        pairs[key] = (odds, number)
    return pairs


def scored(n_tokens, windows, max_answer_tokens):
    scores = PairScores(n_tokens, max_answer_tokens)
    for number, window in enumerate(windows):
        scores.add_window(number, *window)
    return scores


def take_best(pairs, count, least=0.0):
    """The best pairs that do not overlap, with the softmax over all pairs and the null; a further token costs a little
    in the order, and then the earlier and shorter goes first."""
    total = 1.0 + sum(numpy.exp(odds) for odds, _ in pairs.values())
    ranks = {(start, end): odds - _LENGTH_PENALTY * (end - start - 1) for (start, end), (odds, _) in pairs.items()}
    found = []
    for start, end in sorted(pairs, key=lambda pair: (-ranks[pair], pair)):
        score = numpy.exp(pairs[start, end][0]) / total
        free = all(end <= other[0] or other[1] <= start for other in found)
        if free and len(found) < count and score >= least:
            found.append((start, end, score))
    return found


def assert_same(candidates, expected):
    assert [(c.start, c.end) for c in candidates] == [(start, end) for start, end, _ in expected]
    assert [c.score for c in candidates] == pytest.approx([score for _, _, score in expected], rel=1e-4)


@pytest.mark.parametrize("max_answer_tokens", [1, 3, 50])
@pytest.mark.parametrize("seed", SEEDS)
def test_scores_are_a_softmax_over_all_pairs_and_one_null(seed, max_answer_tokens):
    n_tokens, windows = random_windows(seed)
    pairs = enumerate_pairs(windows, max_answer_tokens)
    scores = scored(n_tokens, windows, max_answer_tokens)
    total = 1.0 + sum(numpy.exp(odds) for odds, _ in pairs.values())
    assert scores.null_score() == pytest.approx(1 / total, rel=1e-4)
    assert numpy.isfinite(scores.band).sum() == len(pairs)
    probabilities = numpy.exp(scores.band - scores.log_total())
    assert probabilities.sum() + scores.null_score() == pytest.approx(1.0, abs=1e-5)
    for (start, end), (odds, window) in pairs.items():
        assert probabilities[start, end - start - 1] == pytest.approx(numpy.exp(odds) / total, rel=1e-4)
        assert scores.window_of(start, end) == window


@pytest.mark.parametrize(("count", "least"), [(1, 0.0), (3, 0.0), (100, 0.0), (100, 0.02)])
@pytest.mark.parametrize("seed", SEEDS)
def test_best_answers_do_not_overlap_and_descend_but_for_their_length(seed, count, least):
    n_tokens, windows = random_windows(seed)
    found = scored(n_tokens, windows, 5).best(count, least)
    assert_same(found, take_best(enumerate_pairs(windows, 5), count, least))
    ranks = [numpy.log(c.score) - _LENGTH_PENALTY * (c.end - c.start) for c in found]
    assert ranks == pytest.approx(sorted(ranks, reverse=True))
    taken = [n for c in found for n in range(c.start, c.end)]
    assert len(taken) == len(set(taken))


def test_items_of_a_list_come_before_the_stretch_between_them():
    starts, ends = numpy.full((2, 12), -5.0, "f")
    starts[[2, 7]] = ends[[3, 8]] = 4.0
    found = scored(12, [(numpy.arange(12), starts, ends)], 10).best(2)
    assert [(c.start, c.end) for c in found] == [(2, 4), (7, 9)]
    assert found[0].score == found[1].score


def test_ties_of_a_few_pairs_go_to_the_earlier_and_shorter():
    windows = [(numpy.arange(6), *numpy.zeros((2, 6), "f"))]
    assert_same(scored(6, windows, 3).best(9), take_best(enumerate_pairs(windows, 3), 9))
    assert [(c.start, c.end) for c in scored(6, windows, 3).best(2)] == [(0, 1), (1, 2)]


@pytest.mark.parametrize("max_answer_tokens", [1, 10])
def test_ties_of_many_pairs_go_to_the_earlier(max_answer_tokens):
    windows = [(numpy.arange(300), *numpy.zeros((2, 300), "f"))]
    found = scored(300, windows, max_answer_tokens).best(300)
    assert [(c.start, c.end) for c in found] == [(n, n + 1) for n in range(300)]


def test_a_pair_in_two_windows_counts_once_with_its_better_score():
    tokens = numpy.array([2, 3])
    odds = {"low": numpy.array([0.0, -9.0], "f"), "high": numpy.array([1.0, -9.0], "f")}
    for order in (["low", "high"], ["high", "low"]):
        scores = PairScores(5, 1)
        for number, name in enumerate(order):
            scores.add_window(number, tokens, odds[name], odds[name])
        # the pairs (2, 3) at odds 2 and (3, 4) at -18, and the null at 0
        total = numpy.exp(2.0) + numpy.exp(-18.0) + 1
        assert scores.null_score() == pytest.approx(1 / total, rel=1e-5)
        assert scores.window_of(2, 3) == order.index("high")


@pytest.mark.parametrize("max_answer_tokens", [1, 2, 4])
def test_answers_are_no_longer_than_the_setting(max_answer_tokens):
    # the ends far to the right are by far the best
    starts, ends = numpy.linspace(9, 0, 10).astype("f"), numpy.linspace(0, 9, 10).astype("f")
    scores = scored(10, [(numpy.arange(10), starts, ends)], max_answer_tokens)
    found = scores.best(20)
    assert max(c.end - c.start for c in found) == max_answer_tokens
    assert scores.window_of(0, max_answer_tokens) == 0
    assert scores.window_of(0, max_answer_tokens + 1) == -1


@pytest.mark.parametrize("seed", SEEDS)
def test_unusable_tokens_never_begin_or_end_an_answer(seed):
    n_tokens, windows = random_windows(seed)
    masked = {int(tokens[n]) for tokens, _, _ in windows for n in range(0, len(tokens), 3)}
    windows = [
        (
            tokens,
            numpy.where(numpy.isin(tokens, list(masked)), -numpy.inf, starts).astype("f"),
            numpy.where(numpy.isin(tokens, list(masked)), -numpy.inf, ends).astype("f"),
        )
        for tokens, starts, ends in windows
    ]
    shown = {int(n) for tokens, _, _ in windows for n in tokens}
    edges = {edge for c in scored(n_tokens, windows, 6).best(100) for edge in (c.start, c.end - 1)}
    assert edges <= shown - masked
    assert bool(edges) == bool(shown - masked)


@pytest.mark.parametrize("n_tokens", [0, 1, 5])
def test_a_note_without_windows_is_all_null(n_tokens):
    scores = PairScores(n_tokens, 10)
    scores.add_window(0, numpy.array([], dtype=int), numpy.array([], "f"), numpy.array([], "f"))
    assert scores.best(5) == []
    assert scores.null_score() == 1.0
    assert scores.window_of(0, 1) == -1


def test_window_of_is_minus_one_where_no_window_holds_a_pair():
    windows = [(numpy.array([0, 1]), *numpy.zeros((2, 2), "f")), (numpy.array([4, 5]), *numpy.zeros((2, 2), "f"))]
    scores = scored(6, windows, 6)
    assert [scores.window_of(*pair) for pair in ((0, 2), (4, 6))] == [0, 1]
    assert [scores.window_of(*pair) for pair in ((1, 5), (2, 3), (0, 0), (6, 7))] == [-1] * 4


def test_large_odds_do_not_overflow():
    starts = numpy.array([500.0, -500.0], "f")
    scores = scored(2, [(numpy.arange(2), starts, starts)], 2)
    assert scores.null_score() == 0.0
    assert scores.best(1)[0].score == pytest.approx(1.0)


def test_log_odds_of_tokens_are_taken_at_first_and_last_subword_against_the_null():
    start_logits, end_logits = numpy.arange(10.0, 20.0), numpy.arange(10.0) ** 2
    starts, ends = window_odds(start_logits, end_logits, numpy.array([5, 7]), numpy.array([6, 7]), shift=-2)
    assert starts.tolist() == [3.0, 5.0]  # positions 3 and 5, null 10 at position 0
    assert ends.tolist() == [16.0, 25.0]  # positions 4 and 5, null 0
