"""Every embedder by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dwell_kit.vision.embed import ColourParts, Embedder
from dwell_kit.vision.named import Named

GROUP: Final = "dwell_kit.embedders"
"""Entry points of this group are embedders of other packages; they take `EmbedderOptions`."""
OWN: Final = {"clip": "dwell_kit.vision.embedders:clip", "colours": "dwell_kit.vision.embedders:colours"}
"""Those that come with this package."""
_EMBEDDERS: Final = Named("embedder", GROUP, OWN, networks=("clip",))


@dataclass(frozen=True, kw_only=True)
class EmbedderOptions:
    """What an embedder is made with; each takes what it needs.

    Parameters
    ----------
    weights : a folder of weights, or the name of some. device : as `detect.DetectorOptions`.
    """

    weights: str | None = None
    device: str | None = None


def names() -> tuple[str, ...]:
    """The known embedders, in order of name.

    >>> {"clip", "colours"} <= set(names())
    True
    """
    return _EMBEDDERS.names()


def resources(name: str, options: EmbedderOptions) -> dict[str, float]:
    """What the embedder called `name` wants a machine to have, as `detect.resources`.

    >>> resources("clip", EmbedderOptions(device="cuda")), resources("colours", EmbedderOptions(device="cuda"))
    ({'GPU': 1}, {})
    """
    return _EMBEDDERS.resources(name, options.device)


def make(name: str, options: EmbedderOptions) -> Embedder:
    """The embedder called `name`.

    Raises
    ------
    NotFoundError : listing the known ones. DwellError : if a package is missing, or what the embedder says.
    """
    made: Embedder = _EMBEDDERS.make(name, options)
    return made


def colours(options: EmbedderOptions) -> Embedder:  # noqa: ARG001
    """Colours of parts of the body: needs no weights, and is weak."""
    return ColourParts()


def clip(options: EmbedderOptions) -> Embedder:
    """CLIP's looks of pictures."""
    from dwell_kit.vision.clip import ClipEmbedder

    return ClipEmbedder.of(options)
