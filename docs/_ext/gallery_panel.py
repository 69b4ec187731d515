"""Makes the thumbnail of an example of its figure, where the example ran: one panel, bold, without small print.

Its ground is transparent and what is black becomes gray, so that it is at home in a light and in a dark page.

It loads nothing that an example has not loaded.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MIME = "image/webp"
SIZE = (320, 240)
"""In pixels; half as many on the page, for the finer screens."""
_GRAY = "0.5"
_LONGEST = 4  # letters of a text that stays readable, such as a number in a cell
_DOTS = 160  # an inch; the fewer inches, the bolder the lines


def show(variables: Mapping[str, Any]) -> None:
    """Leave the thumbnail among the outputs, and what the figure shows in words: the titles of its panels."""
    from IPython.display import display
    from matplotlib.figure import Figure

    for figure in (value for value in variables.values() if isinstance(value, Figure)):
        words = titles(figure)
        display({MIME: b64encode(drawn(figure)).decode("ascii"), "text/plain": words}, raw=True)
        return


def panels(figure: Figure) -> list[Axes]:
    """Return the panels of a figure: its axes, without the scales of colors."""
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def titles(figure: Figure) -> str:
    """Return the titles of the panels, or what the axes of one without a title are called."""
    named = [
        axes.get_title() or " over ".join(filter(None, (axes.get_ylabel(), axes.get_xlabel())))
        for axes in panels(figure)
    ]
    return "; ".join(dict.fromkeys(" ".join(name.split()) for name in (figure.get_suptitle(), *named) if name))


def drawn(figure: Figure) -> bytes:
    """Return the first panel by itself, with thick lines; the figure is of no use afterwards."""
    from matplotlib.colors import to_rgb

    first, *_ = panels(figure)
    figure.set_layout_engine("none")
    legend = first.get_legend()
    for needless in (*(axes for axes in figure.axes if axes is not first), *figure.texts, *figure.legends, legend):
        if needless is not None:
            needless.remove()
    for text in [*first.texts]:
        text.set_clip_on(True)
        if len(text.get_text()) > _LONGEST:
            text.remove()
        elif not first.images:
            text.set_color(_GRAY)
    for line in first.lines:
        if to_rgb(line.get_color()) == (0, 0, 0):
            line.set_color(_GRAY)
    first.spines[:].set_color(_GRAY)
    first.patch.set_alpha(0)
    first.set(title="", xlabel="", ylabel="", anchor="C")
    first.tick_params(
        which="both",
        left=False,
        bottom=False,
        top=False,
        right=False,
        labelleft=False,
        labelbottom=False,
        labeltop=False,
    )
    figure.set_size_inches(SIZE[0] / _DOTS, SIZE[1] / _DOTS)
    first.set_position((0.04, 0.05, 0.92, 0.9))
    written = io.BytesIO()
    figure.savefig(
        written,
        format="webp",
        dpi=_DOTS,
        facecolor="none",
        pil_kwargs={"quality": 40, "alpha_quality": 20, "method": 6},
    )
    return written.getvalue()
