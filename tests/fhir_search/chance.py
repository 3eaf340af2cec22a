"""Random values from one seed: the few words of Hypothesis' strategies that stores and queries are made with.

Hypothesis itself gives the seeds. A store and its thirty queries are thousands of its choices: making them took longer
than searching, many came out alike, and a failure could never be made smaller with a database to fill at each try.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from hypothesis.strategies import SearchStrategy
from hypothesis.strategies import integers as hypothesis_integers

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")


@dataclass(frozen=True)
class Strategy(Generic[T]):
    """How to make one value."""

    make: Callable[[Random], T]

    def map(self, change: Callable[[T], S]) -> Strategy[S]:
        return Strategy(lambda random: change(self.make(random)))


class Draw(Protocol):
    def __call__(self, strategy: Strategy[T]) -> T: ...


def made(strategy: Strategy[T], seed: int) -> T:
    """Make the value that belongs to a seed."""
    return strategy.make(Random(seed))


def seeded(strategy: Strategy[T]) -> SearchStrategy[T]:
    """Hand a strategy over to Hypothesis, which chooses the seed and says it when something fails."""
    return hypothesis_integers(0, 2**64 - 1).map(lambda seed: made(strategy, seed))


def composite(function: Callable[Concatenate[Draw, P], T]) -> Callable[P, Strategy[T]]:
    """Turn a function that draws into a function that gives a strategy."""

    def strategy(*args: P.args, **kwargs: P.kwargs) -> Strategy[T]:
        return Strategy(lambda random: function(lambda drawn: drawn.make(random), *args, **kwargs))

    return strategy


def just(value: T) -> Strategy[T]:
    return Strategy(lambda _random: value)


def sampled_from(values: Sequence[T]) -> Strategy[T]:
    return Strategy(lambda random: random.choice(values))


def booleans() -> Strategy[bool]:
    return sampled_from((True, False))


def integers(least: int, most: int) -> Strategy[int]:
    return Strategy(lambda random: random.randint(least, most))


def one_of(*strategies: Strategy[Any]) -> Strategy[Any]:
    return Strategy(lambda random: random.choice(strategies).make(random))


def builds(function: Callable[..., T], *parts: Strategy[Any]) -> Strategy[T]:
    return Strategy(lambda random: function(*[part.make(random) for part in parts]))


def lists(values: Strategy[T], *, least: int, most: int) -> Strategy[list[T]]:
    return Strategy(lambda random: [values.make(random) for _ in range(random.randint(least, most))])


def subsets(values: Sequence[T], *, least: int, most: int) -> Strategy[list[T]]:
    """Make lists of different ones of these values, in any order."""
    return Strategy(lambda random: random.sample(values, min(random.randint(least, most), len(values))))


def permutations(values: Sequence[T]) -> Strategy[list[T]]:
    return Strategy(lambda random: random.sample(values, len(values)))


def dictionaries(
    required: Mapping[str, Strategy[Any]], optional: Mapping[str, Strategy[Any]]
) -> Strategy[dict[str, Any]]:
    """Make objects with all required members and each optional one every other time."""
    return Strategy(
        lambda random: (
            {key: value.make(random) for key, value in required.items()}
            | {key: value.make(random) for key, value in optional.items() if random.random() < 0.5}
        )
    )
