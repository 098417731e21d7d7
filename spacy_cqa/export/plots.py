"""Pictures of a comparison of training runs: F1 by category, confusion matrices and learning curves.

They read without colour: lightness, hatches, markers and line styles tell variants apart. matplotlib comes with the
extra `plot`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150

_SETTINGS: Dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "figure.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.8,
    "svg.hashsalt": "spacy-cqa",  # equal input, equal file
}
_HATCHES = ("", "//", "..", "xx", "\\\\", "--", "++", "oo")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)), (0, (3, 3)))
_LIGHTEST = 0.85  # of the palette, so that a line stands out from white
_CURVE_LABELS = {"cqa_f1": "F1 (%)", "cqa_cat_acc_gold": "Category accuracy, gold span (%)"}


class VariantStyle(NamedTuple):
    """How a variant is drawn in every picture: `color`, `edge` of bars and hatches, `hatch`, `marker`, `line`."""

    color: Tuple[float, ...]
    edge: str
    hatch: str
    marker: str
    line: Any


def variant_styles(variants: Sequence[str]) -> Dict[str, VariantStyle]:
    """Choose a style for each variant, from dark to light in the order given.

    variants (Sequence[str]): The variants.
    RETURNS (Dict[str, VariantStyle]): The styles; hatches, markers and lines repeat after eight.
    """
    from matplotlib import colormaps

    colors = colormaps["cividis"](numpy.linspace(0, _LIGHTEST, len(variants)))
    return {
        variant: VariantStyle(
            color=tuple(color),
            edge="white" if color[:3].mean() < 0.5 else "black",
            hatch=_HATCHES[n % len(_HATCHES)],
            marker=_MARKERS[n % len(_MARKERS)],
            line=_LINES[n % len(_LINES)],
        )
        for n, (variant, color) in enumerate(zip(variants, colors))
    }


def draw_comparison(comparison: Mapping[str, Any]) -> Dict[str, "Figure"]:
    """Draw the pictures of a comparison.

    comparison (Mapping[str, Any]): What `tables.compare_runs` gave.
    RETURNS (Dict[str, Figure]): By name `category-f1`, `confusion` and `curves`, those that there is data for.
    """
    from matplotlib import rc_context

    styles = variant_styles(list(dict.fromkeys(row["variant"] for row in comparison["results"])))
    figures = {}
    with rc_context(_SETTINGS):
        if comparison["categories"]:
            figures["category-f1"] = _draw_categories(comparison, styles)
        if comparison["confusion"]:
            figures["confusion"] = _draw_confusion(comparison)
        if comparison["curves"]:
            figures["curves"] = _draw_curves(comparison, styles)
    return figures


def save_figure(figure: "Figure", path: Path) -> None:
    """Save a picture.

    figure (Figure): The picture.
    path (Path): File to write; its ending decides on the form.
    """
    from matplotlib import rc_context

    with rc_context(_SETTINGS):
        figure.savefig(path, dpi=DPI, metadata={"Date": None} if path.suffix == ".svg" else None)


def _new_figure(n_rows: int, n_columns: int, *, width: float, height: float, **options: Any) -> Tuple["Figure", Any]:
    """A grid of panels of a width and height in inches, with room for what stands around them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * n_columns, height * n_rows + 0.9), layout="constrained")
    return figure, figure.subplots(n_rows, n_columns, squeeze=False, **options)


def _encoders(rows: Iterable[Mapping[str, Any]]) -> List[str]:
    return list(dict.fromkeys(row["encoder"] for row in rows))


def _add_legend(figure: "Figure", panels: Iterable["Axes"], styles: Mapping[str, VariantStyle]) -> None:
    """One legend for all panels, below them, in the order of the styles."""
    found = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels())}
    handles = {variant: found[variant] for variant in styles if variant in found}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False, handlelength=4)


# F1 by category -------------------------------------------------------------------------------------------------------


def _draw_categories(comparison: Mapping[str, Any], styles: Mapping[str, VariantStyle]) -> "Figure":
    rows = comparison["categories"]
    encoders = _encoders(rows)
    figure, panels = _new_figure(len(encoders), 1, width=8, height=3.2)
    figure.suptitle(f"F1 by category, {comparison['split']} split, mean over seeds")
    for encoder, axes in zip(encoders, panels[:, 0]):
        scores: Dict[str, Dict[str, Optional[float]]] = {}
        for row in rows:
            if row["encoder"] == encoder:
                scores.setdefault(row["variant"], {})[row["category"]] = row["f"]
        _draw_bars(axes, scores, styles)
        axes.set_title(encoder)
    panels[-1, 0].set_xlabel("Category")
    _add_legend(figure, panels.flat, styles)
    return figure


def _draw_bars(
    axes: "Axes", scores: Mapping[str, Mapping[str, Optional[float]]], styles: Mapping[str, VariantStyle]
) -> None:
    width = 0.8 / len(scores)
    for n, (variant, by_category) in enumerate(scores.items()):
        style = styles[variant]
        places = numpy.arange(len(by_category)) + (n - (len(scores) - 1) / 2) * width
        heights = [numpy.nan if f is None else 100 * f for f in by_category.values()]
        axes.bar(places, heights, width, label=variant, color=style.color, edgecolor=style.edge, hatch=style.hatch)
        axes.set_xticks(range(len(by_category)), list(by_category))
    axes.set_ylim(0, 100)
    axes.set_ylabel("F1 (%)")
    axes.grid(axis="y", color="0.85")


# Confusion matrices ---------------------------------------------------------------------------------------------------


def _draw_confusion(comparison: Mapping[str, Any]) -> "Figure":
    rows = comparison["confusion"]
    n_columns = min(2, len(rows))
    n_rows = -(-len(rows) // n_columns)
    figure, panels = _new_figure(n_rows, n_columns, width=4.2, height=3.6, sharex=True, sharey=True)
    figure.suptitle(f"Categories from the gold span, {comparison['split']} split, all seeds")
    for row, axes in zip(rows, panels.flat):
        image = _draw_matrix(axes, numpy.array(row["counts"]), row["categories"])
        axes.set_title(f"{row['encoder']}\n{row['variant']}")
    for axes in panels.flat[len(rows) :]:
        axes.remove()
    for axes in panels.flat[len(rows) - n_columns : len(rows)]:
        axes.tick_params(labelbottom=True)  # also where the panel below was removed
    figure.supxlabel("Predicted category", fontsize=10)
    figure.supylabel("Annotated category", fontsize=10)
    figure.colorbar(image, ax=panels.flat[: len(rows)], label="Share of the annotated category (%)", aspect=20 * n_rows)
    return figure


def _draw_matrix(axes: "Axes", counts: numpy.ndarray, categories: Sequence[str]) -> Any:
    totals = counts.sum(axis=1, keepdims=True)
    shares = 100 * numpy.divide(counts, totals, out=numpy.full(counts.shape, numpy.nan), where=totals > 0)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for (row, column), share in numpy.ndenumerate(shares):
        text = "-" if numpy.isnan(share) else f"{share:.0f}"
        axes.text(column, row, text, ha="center", va="center", color="white" if share > 55 else "black")
    axes.set_xticks(range(len(categories)), categories, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(categories)), categories)
    axes.spines[:].set_visible(False)
    return image


# Learning curves ------------------------------------------------------------------------------------------------------


def _draw_curves(comparison: Mapping[str, Any], styles: Mapping[str, VariantStyle]) -> "Figure":
    rows = comparison["curves"]
    encoders = _encoders(rows)
    figure, panels = _new_figure(len(encoders), len(_CURVE_LABELS), width=4.2, height=3.2)
    figure.suptitle("Learning curves: mean over seeds, band from lowest to highest")
    for encoder, line in zip(encoders, panels):
        for (measure, label), axes in zip(_CURVE_LABELS.items(), line):
            for row in rows:
                if (row["encoder"], row["measure"]) == (encoder, measure):
                    _draw_curve(axes, row["points"], row["variant"], styles[row["variant"]])
            axes.set(title=encoder, xlabel="Training steps", ylabel=label, ylim=(0, 100))
            axes.grid(color="0.85")
    _add_legend(figure, panels.flat, styles)
    return figure


def _draw_curve(axes: "Axes", points: Sequence[Mapping[str, Any]], variant: str, style: VariantStyle) -> None:
    steps = [point["step"] for point in points]
    mean, low, high = (100 * numpy.array([point[name] for point in points]) for name in ("mean", "low", "high"))
    axes.fill_between(steps, low, high, color=style.color, alpha=0.2, linewidth=0)
    axes.plot(steps, mean, label=variant, color=style.color, linestyle=style.line, marker=style.marker, markersize=5)
