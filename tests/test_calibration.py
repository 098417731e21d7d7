"""Expected calibration error by hand."""

import pytest

from spacy_cqa.calibration import expected_calibration_error


@pytest.mark.parametrize(
    ("confidences", "correct", "bins", "expected"),
    [
        ([], [], 10, None),
        ([1.0, 1.0], [True, True], 10, 0.0),
        ([1.0], [False], 10, 1.0),
        ([0.0], [False], 10, 0.0),
        ([0.0], [True], 10, 1.0),
        # One bin: mean confidence 0.75, accuracy 0.5.
        ([0.72, 0.78], [True, False], 10, 0.25),
        # Two bins: |0.55 - 1| and |0.95 - 0|, each of one half.
        ([0.55, 0.95], [True, False], 10, 0.7),
        # Bins of 3 and 1: 3/4 |0.8 - 2/3| + 1/4 |0.2 - 0|.
        ([0.8, 0.75, 0.85, 0.2], [True, True, False, False], 2, 0.15),
        # A bin holds its upper edge: 0.5 is with 0.1, not with 0.9.
        ([0.1, 0.5, 0.9], [False, True, True], 2, (abs(0.6 - 1) + abs(0.9 - 1)) / 3),
        # 0.5 is with 0.41, not with 0.51; they would cancel out.
        ([0.5, 0.51], [True, False], 10, (0.5 + 0.51) / 2),
        ([0.5, 0.41], [True, False], 10, (1 - 0.91) / 2),
        ([0.0, 0.1], [True, False], 10, (1 - 0.1) / 2),
        ([0.9, 1.0], [True, False], 1, 0.45),
    ],
)
def test_by_hand(confidences, correct, bins, expected):
    found = expected_calibration_error(confidences, correct, bins=bins)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("bins", [3, 7, 10, 20, 100])
def test_every_border_belongs_to_the_bin_below(bins):
    for n in range(1, bins):
        border, inside = n / bins, (n - 0.5) / bins
        together = abs(1 - border - inside) / 2
        assert expected_calibration_error([border, inside], [True, False], bins=bins) == pytest.approx(together)
