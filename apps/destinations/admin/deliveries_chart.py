"""The bars of a destination's deliveries: numbers of days turned into rectangles, for one SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..selectors import Day

HEIGHT, STEP, WIDTH = 100, 10, 8
NICE = (1, 2, 4, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One day. Units: of a drawing that is HEIGHT high and STEP wide a day; failed stands upon delivered."""

    x: int
    delivered_y: float
    delivered_height: float
    failed_y: float
    failed_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Shape of `scale`: the labels of the left edge, top first."""

    days: Sequence[Day]
    bars: list[Bar]
    scale: tuple[str, str, str]
    delivered: int
    failed: int

    @property
    def width(self) -> int:
        return STEP * len(self.days)

    @property
    def marked_days(self) -> list[Day]:
        """Return the days whose dates stand below the bars: the first, one in the middle, the last."""
        return [self.days[0], self.days[len(self.days) // 2], self.days[-1]]


def draw(days: Sequence[Day]) -> Chart:
    """Lay out one bar a day."""
    top = _nice_top(max(day.delivered + day.failed for day in days))
    return Chart(
        days=days,
        bars=[_bar(day, STEP * place, HEIGHT / top) for place, day in enumerate(days)],
        scale=(f"{top:,}", f"{top // 2:,}" if top % 2 == 0 else "", "0"),
        delivered=sum(day.delivered for day in days),
        failed=sum(day.failed for day in days),
    )


def _bar(day: Day, x: int, unit: float) -> Bar:
    delivered, failed = day.delivered * unit, day.failed * unit
    return Bar(
        x=x,
        delivered_y=round(HEIGHT - delivered, 2),
        delivered_height=round(delivered, 2),
        failed_y=round(HEIGHT - delivered - failed, 2),
        failed_height=round(failed, 2),
    )


def _nice_top(most: int) -> int:
    """Return a round number not below `most`: 1, 2, 4, 5 or 10 times a power of ten."""
    power = 10 ** (len(str(most)) - 1) if most else 1
    return next(step * power for step in NICE if step * power >= most)
