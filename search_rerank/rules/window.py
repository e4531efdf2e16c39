"""When a rule holds by the clock: from and until, days of the week, hours of the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from search_rerank.config.section import Section

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_ALL_DAYS = 8
"""A window of so many days has every one of the week, with all its hours."""
_YEARS = 1900, 9998
"""A zone may put what is outside before the first or past the last moment that there is."""


class Hours(Section):
    """A part of each day; one that ends before it begins goes on past midnight."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: Annotated[time, Field(alias="from")]
    until: time
    """Not included."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.start == self.until:
            raise ValueError("expected hours that end at another time than they begin")
        if self.start.tzinfo or self.until.tzinfo:
            raise ValueError("expected times such as 18:00; the window's zone says where")
        return self


class Window(Section):
    """When a rule holds; what is left out sets no bound.

    Parameters
    ----------
    start, until
        First moment, and the first one after the last; without an offset they are of the zone.
    zone
        Of the days and hours, a name of the IANA time zone database.
    weekdays
        On which days.
    hours
        At what time of these days; hours past midnight belong to the day on which they began.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: Annotated[datetime | None, Field(alias="from")] = None
    until: datetime | None = None
    zone: Annotated[str, Field(max_length=64)] = "UTC"
    weekdays: tuple[Weekday, ...] = ()
    hours: Hours | None = None

    @field_validator("start", "until")
    @classmethod
    def _in_reach(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        first, last = _YEARS
        last += info.field_name == "until"  # written for "never"
        if value is not None and not first <= value.year <= last:
            raise ValueError(f"expected a year from {first} to {last}")
        return value

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("expected a time zone such as Europe/Vienna") from None
        return value

    def holds(self, now_ms: int) -> bool:
        """Return whether a moment, unix milliseconds, lies within."""
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        start, until = self._bounds()
        if (start is not None and now < start) or (until is not None and now >= until):
            return False
        if not self.weekdays and self.hours is None:
            return True
        return self._in_hours(now.astimezone(ZoneInfo(self.zone)))

    def over(self, now_ms: int) -> bool:
        """Return whether it will not hold any more."""
        until = self._bounds()[1]
        return until is not None and datetime.fromtimestamp(now_ms / 1000, UTC) >= until

    def apart(self, other: Window) -> bool:
        """Return whether one ends before the other begins."""
        start, until = self._bounds()
        begins, ends = other._bounds()
        return (until is not None and begins is not None and until <= begins) or (
            ends is not None and start is not None and ends <= start
        )

    def never(self) -> bool:
        """Return whether there is no moment at all at which it holds."""
        start, until = self._bounds()
        if start is None or until is None:
            return False
        if until <= start:
            return True
        all_days = until - start > timedelta(_ALL_DAYS)
        if all_days or (not self.weekdays and self.hours is None):
            return False
        zone = ZoneInfo(self.zone)
        begin, end = start.astimezone(zone), until.astimezone(zone)
        days = (end.date() - begin.date()).days + 1
        # The hours of the day before may go on into the first one.
        first = begin.date() - timedelta(1)
        dates = (first + timedelta(n) for n in range(days + 1))
        spans = (self._span(one, zone) for one in dates if self._has(one))
        return not any(max(low, start) < min(high, until) for low, high in spans)

    def _span(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        if self.hours is None:
            midnight = datetime.combine(day, time(), zone)
            return midnight, datetime.combine(day + timedelta(1), time(), zone)
        late = self.hours.until <= self.hours.start
        end = day + timedelta(1) if late else day
        begin = datetime.combine(day, self.hours.start, zone)
        return begin, datetime.combine(end, self.hours.until, zone)

    def _in_hours(self, local: datetime) -> bool:
        if self.hours is None:
            return self._has(local.date())
        clock, start, until = local.time(), self.hours.start, self.hours.until
        if start < until:
            return start <= clock < until and self._has(local.date())
        if clock >= start:
            return self._has(local.date())
        return clock < until and self._has(local.date() - timedelta(1))

    def _has(self, day: date) -> bool:
        return not self.weekdays or WEEKDAYS[day.weekday()] in self.weekdays

    def _bounds(self) -> tuple[datetime | None, datetime | None]:
        zone = ZoneInfo(self.zone)
        start, until = (
            one if one is None or one.tzinfo else one.replace(tzinfo=zone)
            for one in (self.start, self.until)
        )
        return start, until
