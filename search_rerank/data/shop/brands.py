"""The invented brands of the demo shop, where they sell and what they cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Brand:
    """A brand.

    Parameters
    ----------
    name
        Invented; a hint at the real one would be an accident.
    departments
        Where it sells.
    level
        From 0 (budget) to 1 (premium).
    """

    name: str
    departments: tuple[str, ...]
    level: float


_NAMES = {
    ("Shoes", "Clothing", "Sports"): "Northfell .7, Swiftarrow .5, Brackenway .3, Paceline .1",
    ("Shoes", "Bags"): "Corvane .9, Marrowby .6, Tannerfold .35",
    ("Shoes",): "Velloria .8, Stridewell .45, Hopsack .15",
    ("Clothing",): "Linnea & Vale .85, Oatfield .55, Threadmoor .4, Basicly .05, Maison Brisel .95",
    ("Clothing", "Bags"): "Harrowgate Lane .65, Plainstitch .2",
    ("Bags",): "Portmere .75, Rucksmith .5, Carrywise .1",
    ("Electronics",): (
        "Auralith .95, Sonderbeat .7, Voltara .55, Keyward .6, Pixelmoor .4, Nimbuzz .25, "
        "Echolane .8, Tinkerbyte .1"
    ),
    ("Home & Kitchen",): (
        "Hearthwick .85, Kilnhaus .7, Copperlea .95, Daybreak Home .45, Potter & Rye .55, "
        "Simply Nook .15, Loomhaven .35, Budgeteer .05"
    ),
    ("Beauty",): (
        "Lumeveil .9, Botanelle .65, Rosewyn .75, Puremoor .5, Skinfolk .35, Dewdrop Lab .6, "
        "Fairweather .2, Kindbar .1"
    ),
    ("Sports",): "Trailhythe .85, Kickstone .55, Zenfold .65, Ironmere .4, Playfair .1",
    ("Toys",): (
        "Woodlepip .85, Brickaboo .6, Huggaloo .5, Puzzlewick .4, Zoomkin .3, Merrymoose .7, "
        "Toybarrel .1"
    ),
    ("Books",): (
        "Greyfinch Press .6, Lantern House .5, Paper Otter .3, Saltmarsh Books .7, "
        "Inkwell & Daughters .85, Pocketleaf .1"
    ),
}
BRANDS = tuple(
    Brand(entry.rsplit(" ", 1)[0].strip(), departments, float(entry.rsplit(" ", 1)[1]))
    for departments, row in _NAMES.items()
    for entry in row.split(",")
)
