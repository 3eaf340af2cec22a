"""What to tell a person about a refusal of the storage, and whether to try again.

Used by delivery and by Test connection alike. Pure: no AWS library, no Django.
"""

from .table import TABLE, find_advice
from .wording import FACTS, Advice, Retry, Row, Snippet, Where

__all__ = ["FACTS", "TABLE", "Advice", "Retry", "Row", "Snippet", "Where", "find_advice"]
