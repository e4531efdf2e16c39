from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from search_rerank.data.shop.pictures import picture
from search_rerank.data.shop.shapes import SHAPES
from search_rerank.data.shop.vocabulary import COLOURS, TYPES


@pytest.mark.parametrize("shape", SHAPES)
def test_every_picture_is_small_well_formed_svg(shape: str) -> None:
    for colour in COLOURS.values():
        uri = picture(shape, colour)
        assert len(uri) < 2_048
        # It must stand in an attribute of HTML as it is.
        assert not set('"<>#&') & set(uri)
        head, svg = uri.split(",", 1)
        assert head == "data:image/svg+xml"
        assert ElementTree.fromstring(unquote(svg)).tag == "{http://www.w3.org/2000/svg}svg"
        assert colour in unquote(svg)


def test_every_product_type_has_a_picture_and_every_picture_a_type() -> None:
    assert {kind.shape for kind in TYPES} == set(SHAPES)
