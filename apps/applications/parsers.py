"""JSON bodies of the management API: what Python's parser accepts and nothing else here could bear."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class ManagementJSONParser(JSONParser):
    """Refuses nesting that exhausts the stack, and halves of surrogate pairs, which no UTF-8 can hold."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Raises: ParseError."""
        # JSON is UTF-8 (RFC 8259 8.1), whatever the charset of the header says.
        context = {**(parser_context or {}), "encoding": "utf-8"}
        try:
            value = super().parse(stream, media_type, context)
            json.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        except UnicodeEncodeError:
            raise ParseError("The JSON has text that is not Unicode: half of a surrogate pair.") from None
        return value
