"""Product pictures: one small drawing for each kind of product, in the product's colour."""

from __future__ import annotations

from urllib.parse import quote

from search_rerank.data.shop.shapes import SHAPES


def picture(shape: str, colour: str) -> str:
    """Return a drawing as an SVG data URI of less than 2 KB.

    Parameters
    ----------
    shape
        A name in `SHAPES`.
    colour
        `#rrggbb` of the product; the background and the shades are mixed from it.
    """
    base = _rgb(colour)
    light = sum(base) > 600
    shades = {
        "c": colour,
        "d": _mix(base, (20, 24, 40), 0.14 if light else 0.28),
        "l": _mix(base, (255, 255, 255), 0.4),
        "k": "#5b606a" if sum(base) < 230 else "#3c4048",
        "w": "#c9c3b6" if light else "#ffffff",
    }
    # A white product on white would vanish, so its ground is darker than that of the others.
    ground = "#d9dde3" if light else _mix(base, (255, 255, 255), 0.84)
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 200 200'>"
        f"<rect width='200' height='200' fill='{ground}'/>"
        "<ellipse cx='100' cy='167' rx='70' ry='8' opacity='.1'/>"
        f"{SHAPES[shape].format_map(shades)}</svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe=" '/:=.,()-;!*")


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mix(a: tuple[int, int, int], b: tuple[int, int, int], share: float) -> str:
    mixed = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)
