"""What a PDF page draws: its lines and its words, upright, in points from the top left corner of what is shown."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

MOST_SEGMENTS = 1_000_000  # of a page; one of more is no drawing of twelve leads
CURVE_STEPS = 8  # straight pieces for a Bézier curve
WORD_GAP = 0.6  # of a letter's height, from which a gap parts two words
SAME_LINE = 0.5  # of a letter's height, by which letters of one line may be higher or lower
WHITE = 250  # levels of 255 of every colour from which a line on white paper is not seen


@dataclass(frozen=True)
class Line:
    """A polyline `points` (n, 2); lines of one `style`, colour and width, may go on where another ends. `source` is
    the place of the page's object that draws it."""

    points: np.ndarray
    style: tuple
    source: int


@dataclass(frozen=True)
class Word:
    """Letters without a gap, within `left`, `top`, `right` and `bottom`, written at `angle` quarter turns
    counter-clockwise."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    angle: int

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Drawing:
    """The `lines` and `words` of a page of `size` (width, height), and all its `text` in the order of the file."""

    lines: tuple[Line, ...]
    words: tuple[Word, ...]
    text: str
    size: tuple[float, float]

    def turned(self, turns: int) -> "Drawing":
        """The same after `turns` counter-clockwise quarter turns."""
        matrix, size = turn(turns, self.size)
        lines = tuple(Line(_moved(matrix, line.points), line.style, line.source) for line in self.lines)
        words = tuple(_moved_word(matrix, word, turns) for word in self.words)
        return Drawing(lines, words, self.text, size)


def turn(turns: int, size: tuple[float, float]) -> tuple[np.ndarray, tuple[float, float]]:
    """The matrix (2, 3) of `turns` counter-clockwise quarter turns of a sheet of `size`, y down, and its new size."""
    width, height = size
    matrices = (
        [[1, 0, 0], [0, 1, 0]],
        [[0, 1, 0], [-1, 0, width]],
        [[-1, 0, width], [0, -1, height]],
        [[0, -1, height], [1, 0, 0]],
    )
    return np.array(matrices[turns % 4], float), (height, width) if turns % 2 else (width, height)


def drawing_of(page: "PdfPage") -> Drawing:
    """The drawing of a page as it is shown; without lines if it has too many, as nothing that is no page has."""
    shown = _shown(page)
    lines = tuple(_lines(page, shown))
    words, text = _words(page, shown)
    return Drawing(lines, words, text, page.get_size())


def _shown(page: "PdfPage") -> np.ndarray:
    """The matrix (2, 3) from a page's own coordinates to those of a `Drawing`."""
    left, bottom, right, top = page.get_bbox()
    upright = np.array([[1.0, 0.0, -left], [0.0, -1.0, top]])
    matrix, _ = turn(-(page.get_rotation() // 90), (right - left, top - bottom))
    return _after(upright, matrix)


def _after(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The matrix (2, 3) that does what `first` does, and then what `second` does."""
    return second @ np.vstack([first, [0.0, 0.0, 1.0]])


def _moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def _moved_word(matrix: np.ndarray, word: Word, turns: int) -> Word:
    corners = _moved(matrix, np.array([[word.left, word.top], [word.right, word.bottom]]))
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return Word(word.text, left, top, right, bottom, (word.angle + turns) % 4)


# ---- lines


def _lines(page: "PdfPage", shown: np.ndarray) -> Iterator[Line]:
    """The lines that are stroked in a colour, cut to the boxes that they are clipped to."""
    left = MOST_SEGMENTS
    found: list[Line] = []
    for source, (item, matrix) in enumerate(paths(page)):
        style = _style(item)
        segments = _segments(item)
        left -= len(segments)
        if left < 0:
            return
        if style is None:
            continue
        own = _after(matrix_of(item), _after(matrix, shown))
        box = _clip(item, _after(matrix, shown))
        for points in _polylines(segments):
            found += [Line(part, style, source) for part in _inside(_moved(own, points), box)]
    yield from found


def paths(page: "PdfPage") -> Iterator[tuple[Any, np.ndarray]]:
    """Each path that a page draws, those in its forms included, and the matrix (2, 3) of the forms that it is in."""
    import pypdfium2.raw as pdfium

    def walk(count: int, get: Any, matrix: np.ndarray, depth: int) -> Iterator[tuple[Any, np.ndarray]]:
        for index in range(count):
            item = get(index)
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                yield item, matrix
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth:
                inner = _after(matrix_of(item), matrix)
                yield from walk(
                    pdfium.FPDFFormObj_CountObjects(item),
                    lambda place, form=item: pdfium.FPDFFormObj_GetObject(form, place),
                    inner,
                    depth - 1,
                )

    start = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    yield from walk(pdfium.FPDFPage_CountObjects(page), lambda place: pdfium.FPDFPage_GetObject(page, place), start, 15)


def matrix_of(item: Any) -> np.ndarray:
    """The matrix (2, 3) of an object of a page."""
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(item, matrix)
    return np.array([[matrix.a, matrix.c, matrix.e], [matrix.b, matrix.d, matrix.f]])


def _style(item: Any) -> tuple | None:
    """Colour and width of the line that a path draws; None where it draws none, or one that white paper hides."""
    import pypdfium2.raw as pdfium

    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(item, fill, stroke)
    colour = [ctypes.c_uint() for _ in range(4)]
    width = ctypes.c_float()
    get = pdfium.FPDFPageObj_GetStrokeColor if stroke.value else pdfium.FPDFPageObj_GetFillColor
    if not (stroke.value or fill.value) or not get(item, *colour):
        return None
    red, green, blue, alpha = (channel.value for channel in colour)
    if alpha == 0 or min(red, green, blue) >= WHITE:
        return None
    pdfium.FPDFPageObj_GetStrokeWidth(item, width)
    return "stroke" if stroke.value else "fill", red, green, blue, round(width.value, 3)


def _segments(item: Any) -> list[tuple[int, float, float, bool]]:
    """Kind, x, y and whether the path is closed behind it, of each segment of a path."""
    import pypdfium2.raw as pdfium

    x, y = ctypes.c_float(), ctypes.c_float()
    found = []
    for index in range(max(pdfium.FPDFPath_CountSegments(item), 0)):
        segment = pdfium.FPDFPath_GetPathSegment(item, index)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        found.append((kind, x.value, y.value, bool(pdfium.FPDFPathSegment_GetClose(segment))))
    return found


def _polylines(segments: list[tuple[int, float, float, bool]]) -> Iterator[np.ndarray]:
    """The polylines (n, 2) of a path, curves as CURVE_STEPS straight pieces."""
    import pypdfium2.raw as pdfium

    points: list[tuple[float, float]] = []
    handles: list[tuple[float, float]] = []
    for kind, x, y, closes in segments:
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            if len(points) > 1:
                yield np.array(points)
            points = [(x, y)]
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            points.append((x, y))
        else:
            handles.append((x, y))
            if len(handles) == 3:
                points += _curve(points[-1], *handles)
                handles = []
        if closes and points:
            points.append(points[0])
    if len(points) > 1:
        yield np.array(points)


def _curve(start: Any, one: Any, two: Any, end: Any) -> list[tuple[float, float]]:
    t = np.arange(1, CURVE_STEPS + 1)[:, None] / CURVE_STEPS
    a, b, c, d = (np.array(point) for point in (start, one, two, end))
    curve = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    return [(float(x), float(y)) for x, y in curve]


def _clip(item: Any, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The corners, top left and bottom right, of the box that a path is clipped to; None where it is not."""
    import pypdfium2.raw as pdfium

    clip = pdfium.FPDFPageObj_GetClipPath(item)
    low, high = np.full(2, -np.inf), np.full(2, np.inf)
    x, y = ctypes.c_float(), ctypes.c_float()
    count = pdfium.FPDFClipPath_CountPaths(clip) if clip else 0
    for path in range(max(count, 0)):
        points = []
        for index in range(max(pdfium.FPDFClipPath_CountPathSegments(clip, path), 0)):
            pdfium.FPDFPathSegment_GetPoint(pdfium.FPDFClipPath_GetPathSegment(clip, path, index), x, y)
            points.append((x.value, y.value))
        if points:
            moved = _moved(matrix, np.array(points))
            low, high = np.maximum(low, moved.min(axis=0)), np.minimum(high, moved.max(axis=0))
    return (low, high) if np.isfinite(low).any() else None


def _inside(points: np.ndarray, box: tuple[np.ndarray, np.ndarray] | None) -> list[np.ndarray]:
    """The stretches of a polyline whose points lie in `box`."""
    if box is None:
        return [points]
    inside = np.all((points >= box[0] - 0.01) & (points <= box[1] + 0.01), axis=1)
    if inside.all():
        return [points]
    parts = np.split(np.arange(len(points)), np.flatnonzero(np.diff(inside)) + 1)
    return [points[part] for part in parts if inside[part[0]] and len(part) > 1]


# ---- words


def _words(page: "PdfPage", shown: np.ndarray) -> tuple[tuple[Word, ...], str]:
    """The words of a page, and its whole text."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    corners = [ctypes.c_double() for _ in range(4)]
    turned_page = page.get_rotation() // 90
    words: list[Word] = []
    letters: list[tuple[str, float, float, float, float, int]] = []
    whole = []
    for index in range(max(text.count_chars(), 0)):
        character = chr(pdfium.FPDFText_GetUnicode(text, index))
        whole.append(character)
        pdfium.FPDFText_GetCharBox(text, index, *corners)
        left, right, bottom, top = (value.value for value in corners)
        angle = -round(float(np.degrees(pdfium.FPDFText_GetCharAngle(text, index))) / 90)  # which is clockwise
        box = _moved(shown, np.array([[left, top], [right, bottom]]))
        letter = (character, *box.min(axis=0), *box.max(axis=0), (angle - turned_page) % 4)
        if character.isspace() or not character.isprintable() or (letters and not _goes_on(letters[-1], letter)):
            words += _word(letters)
            letters = []
        if character.isprintable() and not character.isspace():
            letters.append(letter)
    words += _word(letters)
    text.close()
    return tuple(words), "".join(whole)


def _goes_on(last: tuple, letter: tuple) -> bool:
    """Whether a letter goes on with the word of the last one."""
    _, left, top, right, bottom, angle = last
    high = max(right - left, bottom - top)
    along, across = (0, 1) if angle % 2 == 0 else (1, 0)
    gap = max(letter[1 + along] - (right, bottom)[along], (left, top)[along] - letter[3 + along])
    apart = abs((letter[1 + across] + letter[3 + across]) - ((left, top)[across] + (right, bottom)[across])) / 2
    return letter[5] == angle and gap < WORD_GAP * high and apart < SAME_LINE * high + 2


def _word(letters: list[tuple[str, float, float, float, float, int]]) -> list[Word]:
    if not letters:
        return []
    boxes = np.array([letter[1:5] for letter in letters])
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    return [Word("".join(letter[0] for letter in letters), left, top, right, bottom, letters[0][5])]
