"""Pages of PDFs whose traces are lines, which is what most files are not: what reads them is imported when one is."""

from typing import TYPE_CHECKING

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.recognize.hints import Hints
from ecgpipe.rectify.leaves import Leaf
from ecgpipe.rectify.pdf import is_pdf

if TYPE_CHECKING:
    from ecgpipe.vector.pages import VectorPage


def vector_page(leaf: Leaf, hints: Hints = Hints()) -> "VectorPage | None":  # noqa: B008, frozen
    """The page of a PDF's `leaf` by its own lines; None where it has none, or they have no known layout clearly.

    Raises PictureError if the file cannot be opened.
    """
    if leaf.refusal or not is_pdf(leaf.path):
        return None
    from ecgpipe.vector.pages import page_by_lines

    try:
        return page_by_lines(leaf, hints)
    except EcgpipeError:
        raise
    except Exception:  # a drawing as nobody thought of: it can still be rendered and read
        return None
