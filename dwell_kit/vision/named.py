"""Detectors and embedders by name: those that come with this package, and entry points of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from dwell_kit.errors import NotFoundError
from dwell_kit.vision.packages import not_installed


@dataclass(frozen=True)
class Named:
    """Makers of one kind.

    Parameters
    ----------
    kind : what they make, for errors.
    group : entry points of this group are makers of other packages: `name = "package.module:make"`.
    own : name → place of those that come with this package; they cannot be replaced.
    networks : those of ours that run on a GPU if they are asked onto one.
    """

    kind: str
    group: str
    own: Mapping[str, str]
    networks: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """The known names, in order."""
        return tuple(sorted(self._points()))

    def get(self, name: str) -> Any:
        """What makes the one called `name`.

        Raises
        ------
        NotFoundError : listing the known ones. DwellError : if it needs a package that is not installed.
        """
        point = self._points().get(name)
        if point is None:
            raise NotFoundError(
                f"there is no {self.kind} {name!r}",
                expected=", ".join(self.names()),
                found=name,
                hint=f"pip install the package that has an entry point {name!r} in the group {self.group!r}",
            )
        try:
            return point.load()
        except ModuleNotFoundError as missing:
            raise not_installed(f"the {self.kind} {name!r}", missing) from missing

    def resources(self, name: str, device: str | None) -> dict[str, float]:
        """What the one called `name` wants a machine to have.

        What its maker says by an attribute `resources`, nothing by default; a network of ours wants a GPU if
        `device` is a CUDA one.

        Raises
        ------
        NotFoundError, DwellError : as `get`.
        """
        wanted: dict[str, float] = dict(getattr(self.get(name), "resources", {}))
        if name in self.networks and (device or "").startswith("cuda"):
            wanted["GPU"] = 1
        return wanted

    def make(self, name: str, options: Any) -> Any:
        """The one called `name`, made with `options`.

        Raises
        ------
        NotFoundError, DwellError : as `get`, or what the maker itself says.
        """
        maker = self.get(name)
        try:
            return maker(options)
        except ModuleNotFoundError as missing:
            raise not_installed(f"the {self.kind} {name!r}", missing) from missing

    def _points(self) -> dict[str, EntryPoint]:
        own = {name: EntryPoint(name, place, self.group) for name, place in self.own.items()}
        return {point.name: point for point in entry_points(group=self.group)} | own
