"""Sphinx directives that show the rules of tensors, for any project's documentation.

Put ``extensions = ["tensorref.sphinxext"]`` into ``conf.py``; then, in reStructuredText,

.. code-block:: rst

   .. broadcasting:: (32, 10, 64) (64,)
      :names: x, bias

and in MyST the same as ``{broadcasting}``. Every builder shows the finished table; in HTML it becomes an explorer. Neither
NumPy nor PyTorch has to be installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sphinx.application

__all__ = ["setup"]


def setup(app: sphinx.application.Sphinx) -> dict[str, Any]:
    """Add the directives to a Sphinx project, which calls this for ``extensions = ["tensorref.sphinxext"]``.

    Parameters
    ----------
    app
        The build.

    Returns
    -------
    :
        What Sphinx asks of an extension: its version, and whether pages can be read and written in parallel.
    """
    from tensorref import __version__
    from tensorref.sphinxext.broadcasting import BroadcastingDirective
    from tensorref.sphinxext.einsum import EinsumDirective
    from tensorref.sphinxext.explorer import setup_explorers
    from tensorref.sphinxext.indexing import IndexingDirective
    from tensorref.sphinxext.layout import LayoutDirective
    from tensorref.sphinxext.matmul import MatmulDirective
    from tensorref.sphinxext.picture import setup_pictures
    from tensorref.sphinxext.reduction import ReductionDirective

    setup_explorers(
        app,
        broadcasting=BroadcastingDirective,
        einsum=EinsumDirective,
        indexing=IndexingDirective,
        layout=LayoutDirective,
        matmul=MatmulDirective,
        reduction=ReductionDirective,
    )
    setup_pictures(app)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
