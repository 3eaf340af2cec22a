"""Lists that the portal shows and the management API answers: one declaration, so that they cannot disagree.

Owns how a list's query is read on both sides: the viewset's filter set, its `q` and `sort`, the order and edges of
its pages; refuses any parameter that the filter set does not name.
"""

from .facets import Facet
from .mirrored import MirroredModelAdmin
from .read import BadQuery, curl_of, read_filter
from .sorted_lists import SortedListMixin

__all__ = ["BadQuery", "Facet", "MirroredModelAdmin", "SortedListMixin", "curl_of", "read_filter"]
