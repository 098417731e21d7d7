"""Pictures show the numbers they are given, can be read in grey, and nothing of them is cut off or overlaps."""

from itertools import combinations, pairwise

import numpy
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from spacy_cqa.export.plots import draw_comparison, save_figure, variant_styles
from spacy_cqa.types import CATEGORIES

VARIANTS = ["span-only", "category-only", "multitask-hard", "multitask-soft", "multitask-ontology"]
ENCODERS = ["minilm", "someone/Some_Bio_ClinicalBERT-base"]
COUNTS = [[8, 2, 0, 0, 0], [1, 1, 0, 1, 0], [0, 0, 5, 0, 0], [0, 0, 0, 2, 1], [0, 0, 0, 0, 0]]
POINTS = [{"step": 70, "mean": 0.2, "low": 0.1, "high": 0.25}, {"step": 140, "mean": 0.5, "low": 0.4, "high": 0.75}]


def make_comparison(encoders=ENCODERS, variants=VARIANTS):
    groups = [{"encoder": encoder, "variant": variant} for encoder in encoders for variant in variants]
    labelling = [group for group in groups if group["variant"] != "span-only"]
    scores = dict(zip(CATEGORIES, [0.9, 0.5, 0.25, 0.0, None]))
    return {
        "split": "test",
        "results": groups,
        "categories": [{**group, "category": name, "f": f} for group in labelling for name, f in scores.items()],
        "confusion": [{**group, "categories": list(CATEGORIES), "counts": COUNTS} for group in labelling],
        "curves": [
            {**group, "measure": measure, "points": POINTS}
            for group in groups
            for measure, other in (("cqa_f1", "category-only"), ("cqa_cat_acc_gold", "span-only"))
            if group["variant"] != other
        ],
    }


def texts(figure):
    """The texts that are drawn: a tick outside the limits of its axis has a label, but is not."""
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    ticks = [(axis.get_view_interval(), tick) for axis in axes for tick in axis.get_major_ticks()]
    outside = {tick.label1 for limits, tick in ticks if not min(limits) <= tick.get_loc() <= max(limits)}
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text() and text not in outside]


@pytest.fixture(scope="module")
def figures():
    return draw_comparison(make_comparison())


def test_bars(figures):
    axes = figures["category-f1"].axes
    assert [panel.get_title() for panel in axes] == ENCODERS
    for panel in axes:
        assert [bars.get_label() for bars in panel.containers] == VARIANTS[1:]
        for bars in panel.containers:
            heights = [bar.get_height() for bar in bars]
            assert heights == pytest.approx([90, 50, 25, 0, numpy.nan], nan_ok=True)
        assert panel.get_ylabel() == "F1 (%)"
        assert [label.get_text() for label in panel.get_xticklabels()] == list(CATEGORIES)
    bars = [bar for container in axes[0].containers for bar in container]
    sides = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars)
    assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(sides))


def test_confusion_is_normalised_by_row(figures):
    *panels, bar = figures["confusion"].axes
    assert len(panels) == len(ENCODERS) * 4
    assert panels[0].get_title() == "minilm\ncategory-only"
    cells = [text.get_text() for text in panels[0].texts]
    assert cells[:10] == ["80", "20", "0", "0", "0", "33", "33", "0", "33", "0"]
    assert cells[20:] == ["-"] * 5
    assert bar.get_ylabel() == "Share of the annotated category (%)"


@pytest.mark.parametrize("n_matrices", [1, 3])
def test_every_column_of_matrices_has_labels_below(n_matrices):
    figure = draw_comparison(make_comparison(["minilm"], ["span-only", *VARIANTS[1:][:n_matrices]]))["confusion"]
    figure.draw_without_rendering()
    *panels, _ = figure.axes
    assert len(panels) == n_matrices
    for panel in panels[-2:]:
        assert [label.get_text() for label in panel.get_xticklabels() if label.get_visible()] == list(CATEGORIES)


def test_curves(figures):
    axes = figures["curves"].axes
    assert [panel.get_ylabel() for panel in axes] == ["F1 (%)", "Category accuracy, gold span (%)"] * 2
    assert {panel.get_xlabel() for panel in axes} == {"Training steps"}
    assert [line.get_label() for line in axes[0].lines] == ["span-only", *VARIANTS[2:]]
    assert [line.get_label() for line in axes[1].lines] == VARIANTS[1:]
    for line, band in zip(axes[0].lines, axes[0].collections):
        assert line.get_xydata().tolist() == [[70, 20], [140, 50]]
        box = band.get_paths()[0].get_extents()
        assert (box.x0, box.x1, box.y0, box.y1) == pytest.approx((70, 140, 10, 75))


def test_legends_name_each_variant_once(figures):
    for name, expected in (("category-f1", VARIANTS[1:]), ("curves", VARIANTS)):
        (legend,) = figures[name].legends
        assert [text.get_text() for text in legend.get_texts()] == expected


@pytest.mark.parametrize("variants", [VARIANTS, list("abcdefgh")])
def test_styles_are_told_apart_in_grey(variants):
    styles = list(variant_styles(variants).values())
    for name in ("hatch", "marker", "line"):
        assert len({getattr(style, name) for style in styles}) == len(variants)
    lightness = [numpy.dot(style.color[:3], (0.299, 0.587, 0.114)) for style in styles]
    assert min(numpy.diff(lightness)) > 0.5 / len(variants)
    assert max(lightness) < 0.8
    for style, value in zip(styles, lightness):
        edge = {"white": 1.0, "black": 0.0}[style.edge]
        assert abs(edge - value) > 0.3


@pytest.mark.parametrize("name", ["category-f1", "confusion", "curves"])
def test_texts_are_large_enough_whole_and_apart(name, figures):
    figure = figures[name]
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    found = texts(figure)
    assert figure.get_suptitle()
    assert min(text.get_fontsize() for text in found) >= 9
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in found if text.get_rotation() in (0, 90)]
    for text, box in boxes:
        assert 0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert 0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
    clashes = [(one, two) for (one, first), (two, second) in combinations(boxes, 2) if first.overlaps(second)]
    assert clashes == []


def test_pictures_without_data_are_left_out():
    empty = {**make_comparison(["minilm"], VARIANTS[:2]), "categories": [], "curves": []}
    assert list(draw_comparison(empty)) == ["confusion"]


def test_files_are_reproducible_and_of_150_dpi(tmp_path):
    bars = {**make_comparison(["minilm"], VARIANTS[:3]), "confusion": [], "curves": []}
    for copy in ("1.svg", "2.svg", "1.png"):
        save_figure(draw_comparison(bars)["category-f1"], tmp_path / copy)
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()
    png = (tmp_path / "1.png").read_bytes()
    # width and height in the header: 8 by 4.1 inches of 150 dots
    assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (1200, 615)
