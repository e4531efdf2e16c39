"""The words of the demo shop: departments, product types, colours and names of lines."""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = {
    "Black": "#33363c",
    "White": "#f3f0ea",
    "Grey": "#8d939b",
    "Navy": "#2b4570",
    "Blue": "#3f7fca",
    "Teal": "#1f8f8d",
    "Green": "#4f9455",
    "Olive": "#7d8044",
    "Red": "#c8453d",
    "Coral": "#ef7d66",
    "Pink": "#e48fb1",
    "Purple": "#7f5dab",
    "Yellow": "#e8bb40",
    "Orange": "#e6862f",
    "Brown": "#8b5c3d",
    "Beige": "#d7c2a0",
}
AUDIENCES = ("", "Women's", "Men's")
"""For whom a product is made; the first is for anybody."""
LINES = tuple(
    "Alder Aster Avon Birch Breeze Calla Cedar Cinder Cove Crest Dale Delta Dune Ember Fable Fern "
    "Fjord Flint Gale Glen Grove Halo Harbour Haven Heath Indigo Isle Ivy Juniper Kestrel Lark "
    "Linden Luma Maple Marlow Mesa Mira Moss Nimbus Nova Oak Opal Orbit Otter Pebble Petal Pine "
    "Quill Quartz Reef Ridge Rill River Rowan Sable Sage Shore Sienna Solace Spruce Summit Swift "
    "Thistle Tide Tundra Vale Vesper Willow Wren Zephyr".split()
)
_APPAREL_SIZES = ("XS", "S", "M", "L", "XL")
_SHOE_SIZES = ("36", "37", "38", "39", "40", "41", "42", "43", "44")


@dataclass(frozen=True)
class ProductType:
    """One kind of product.

    Parameters
    ----------
    name
        As it stands in titles and in queries.
    path
        Category path without the type itself: department, then section.
    shape
        The picture that is drawn.
    price
        Median price of a brand in the middle of the market.
    uses
        Words that may stand before the name; one of them is drawn for each line.
    materials, sizes
        What there is; empty where it means nothing.
    audience
        Whether there are women's and men's products.
    benefit
        End of the description's first sentence.
    """

    name: str
    path: tuple[str, str]
    shape: str
    price: float
    uses: tuple[str, ...]
    materials: tuple[str, ...]
    benefit: str
    sizes: tuple[str, ...] = ()
    audience: bool = False


def _types(
    department: str, rows: str, audience: bool = False, sizes: tuple[str, ...] = ()
) -> list[ProductType]:
    """Read `section | name | shape | price | uses | materials | benefit`, a line for each."""
    found = []
    for row in rows.strip().splitlines():
        section, name, shape, price, uses, materials, benefit = (
            cell.strip() for cell in row.split("|")
        )
        found.append(
            ProductType(
                name=name,
                path=(department, section),
                shape=shape,
                price=float(price),
                uses=tuple(use.strip() for use in uses.split(",")),
                materials=tuple(word.strip() for word in materials.split(",") if word.strip()),
                benefit=benefit,
                sizes=sizes,
                audience=audience,
            )
        )
    return found


TYPES: tuple[ProductType, ...] = (
    *_types(
        "Shoes",
        """
        Athletic | Running Shoes | shoe | 85 | Trail, Road, Lightweight, Cushioned | Mesh, Knit | with a springy sole that carries you through long runs
        Athletic | Training Shoes | shoe | 70 | Indoor, Stable, Flexible | Mesh, Synthetic Leather | with a firm grip for quick turns in the gym
        Outdoor | Hiking Boots | boot | 120 | Waterproof, Lightweight, Mid | Leather, Suede | that keep feet dry and steady on rough paths
        Casual | Sneakers | shoe | 65 | Low-Top, Retro, Everyday | Canvas, Leather | that go with everything from jeans to a summer suit
        Casual | Sandals | sandal | 45 | Slip-On, Strappy, Cork | Leather, Rubber | with a soft footbed for warm days
        Formal | Ankle Boots | boot | 110 | Chelsea, Lace-Up, Heeled | Leather, Suede | with a clean line and a quiet step
        """,  # noqa: E501
        audience=True,
        sizes=_SHOE_SIZES,
    ),
    *_types(
        "Clothing",
        """
        Tops | T-Shirt | tshirt | 22 | Slim, Relaxed, Crew Neck | Organic Cotton, Linen | that keeps its shape wash after wash
        Tops | Hoodie | hoodie | 48 | Zip, Oversized, Fleece | Cotton, Recycled Polyester | with a warm lining and a deep pocket
        Outerwear | Rain Jacket | jacket | 95 | Packable, Hooded, Light | Nylon, Recycled Polyester | that shrugs off showers and folds into its own pocket
        Dresses | Summer Dress | dress | 58 | Wrap, Midi, Pleated | Viscose, Linen | that moves with you from desk to garden
        Bottoms | Jeans | trousers | 68 | Straight, Tapered, High-Rise | Denim | cut from a sturdy cloth that softens with wear
        Accessories | Beanie | hat | 19 | Ribbed, Chunky, Reversible | Merino Wool, Acrylic | that stays put on windy mornings
        """,  # noqa: E501
        audience=True,
        sizes=_APPAREL_SIZES,
    ),
    *_types(
        "Bags",
        """
        Backpacks | Backpack | backpack | 72 | Commuter, Roll-Top, Daily | Nylon, Canvas | with a padded sleeve for a laptop and room for the day
        Handbags | Tote Bag | bag | 54 | Everyday, Zip, Large | Canvas, Leather | with long handles and one pocket for what must not be lost
        Travel | Suitcase | suitcase | 130 | Cabin, Hard-Shell, Expandable | Polycarbonate, Nylon | on four silent wheels
        """,  # noqa: E501
    ),
    *_types(
        "Electronics",
        """
        Audio | Headphones | headphones | 115 | Wireless, Noise-Cancelling, Over-Ear | Aluminium, Recycled Plastic | with thirty hours of clear sound
        Audio | Earbuds | earbuds | 79 | True Wireless, Sport, Compact | Recycled Plastic | that stay in place and pause when you talk
        Audio | Bluetooth Speaker | speaker | 68 | Portable, Waterproof, Party | Fabric, Aluminium | that fills a room or a picnic
        Computing | Keyboard | keyboard | 76 | Mechanical, Wireless, Compact | Aluminium, Recycled Plastic | with keys that are a pleasure to type on
        Computing | Mouse | mouse | 38 | Wireless, Ergonomic, Silent | Recycled Plastic | that fits the hand through a long day
        Wearables | Smart Watch | watch | 165 | GPS, Slim, Fitness | Aluminium, Stainless Steel | with a bright display and a week of battery
        """,  # noqa: E501
    ),
    *_types(
        "Home & Kitchen",
        """
        Kitchen | Mug | mug | 14 | Stoneware, Large, Stackable | Ceramic, Porcelain | that keeps coffee warm and fits the dishwasher
        Kitchen | Frying Pan | pan | 42 | Non-Stick, Deep, Induction | Cast Iron, Aluminium | that heats evenly from edge to edge
        Kitchen | Kettle | kettle | 46 | Gooseneck, Electric, Whistling | Stainless Steel, Glass | that boils fast and pours without a drip
        Lighting | Table Lamp | lamp | 58 | Dimmable, Bedside, Touch | Linen, Brass | with a warm light for late chapters
        Living Room | Cushion | cushion | 24 | Velvet, Quilted, Woven | Velvet, Cotton | with a soft feather filling
        Living Room | Vase | vase | 32 | Tall, Bud, Ribbed | Ceramic, Glass | that looks well even without flowers
        """,  # noqa: E501
    ),
    *_types(
        "Beauty",
        """
        Skin Care | Face Cream | jar | 26 | Hydrating, Night, Gentle | | that leaves skin calm and soft
        Skin Care | Face Serum | dropper | 31 | Vitamin C, Brightening, Repair | | of which two drops are enough
        Hair Care | Shampoo | pump | 13 | Volume, Nourishing, Sensitive | | that cleans without weighing hair down
        Make-Up | Lipstick | lipstick | 18 | Matte, Satin, Long-Wear | | that lasts from breakfast to the last train
        Fragrance | Eau de Parfum | perfume | 62 | Floral, Woody, Citrus | | with a trail that stays close to the skin
        """,  # noqa: E501
    ),
    *_types(
        "Sports",
        """
        Ball Games | Football | ball | 28 | Match, Training, Street | Synthetic Leather, Rubber | with a true flight and a soft touch
        Ball Games | Basketball | basketball | 32 | Indoor, Street, Grip | Rubber, Synthetic Leather | with deep channels for a sure hold
        Fitness | Yoga Mat | mat | 36 | Non-Slip, Thick, Travel | Natural Rubber, Cork | that holds its place in every pose
        Fitness | Dumbbells | dumbbell | 44 | Hex, Adjustable, Vinyl | Cast Iron, Neoprene | with a grip that never slips
        Camping | Tent | tent | 160 | Two-Person, Family, Ultralight | Nylon, Polyester | that stands in five minutes and sheds heavy rain
        Camping | Water Bottle | bottle | 24 | Insulated, Wide-Mouth, Leakproof | Stainless Steel, Glass | that keeps drinks cold for a day
        """,  # noqa: E501
    ),
    *_types(
        "Toys",
        """
        Building | Building Blocks | blocks | 34 | Classic, Castle, City | Beech Wood, Recycled Plastic | for towers that are higher every time
        Soft Toys | Teddy Bear | teddy | 27 | Cuddly, Tiny, Giant | Plush, Organic Cotton | that is washed as easily as it is loved
        Vehicles | Toy Car | car | 19 | Racing, Wooden, Pull-Back | Beech Wood, Metal | that runs straight across the longest hall
        Games | Puzzle | puzzle | 21 | 500-Piece, 1000-Piece, Children's | Cardboard | with pieces that click into place
        Games | Board Game | dice | 33 | Family, Strategy, Cooperative | Cardboard | that is explained in five minutes and played for years
        """,  # noqa: E501
    ),
    *_types(
        "Books",
        """
        Fiction | Crime Novel | book | 13 | Gripping, Quiet, Northern | Paperback, Hardcover | in which nobody in the village tells the whole truth
        Fiction | Fantasy Novel | book | 15 | Epic, Dark, Whimsical | Paperback, Hardcover | about a map that redraws itself every night
        Non-Fiction | Cookbook | book | 26 | Vegetarian, Weeknight, Baking | Hardcover | with a hundred recipes for real kitchens
        Non-Fiction | Travel Guide | book | 19 | Coastal, City, Mountain | Paperback | with walks, maps and places to eat
        """,  # noqa: E501
    ),
)
DEPARTMENTS = tuple(dict.fromkeys(kind.path[0] for kind in TYPES))
