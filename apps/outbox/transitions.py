"""Transition tables, refused by code and by the database alike.

A table maps a state to the states that may follow. `transition_trigger` turns one into a trigger, so that
no statement, ours or typed by hand, can take a path that the table does not list.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


class IllegalTransition(Exception):
    """A state may not follow another."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"{before} cannot become {after}.")
        self.before = before
        self.after = after


def check_transition(table: Mapping[State, frozenset[State]], before: State, after: State) -> None:
    """Raises: IllegalTransition unless the table lists `after` behind `before`."""
    if after not in table[before]:
        raise IllegalTransition(before, after)


FUNCTION = """
CREATE OR REPLACE FUNCTION outbox_refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state) = ANY (TG_ARGV) THEN
    RAISE EXCEPTION '%: % cannot become %', TG_TABLE_NAME, OLD.state, NEW.state
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
"""
DROP_FUNCTION = "DROP FUNCTION IF EXISTS outbox_refuse_transition();"


def transition_trigger(db_table: str, table: Mapping[State, frozenset[State]]) -> tuple[str, str]:
    """Return the statements that make and drop the trigger for `db_table`.

    The names come from our own enums, never from input.
    """
    pairs = ", ".join(f"'{before}>{after}'" for before in table for after in sorted(table[before]))
    name = f"{db_table}_transitions"
    create = (
        f"CREATE OR REPLACE TRIGGER {name} BEFORE UPDATE OF state ON {db_table} "
        f"FOR EACH ROW EXECUTE FUNCTION outbox_refuse_transition({pairs});"
    )
    return create, f"DROP TRIGGER IF EXISTS {name} ON {db_table};"
