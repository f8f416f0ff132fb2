"""The empty scene, learnt: up to three colours per pixel, each learnt only where and as fast as it is told.

Zivkovic, Improved adaptive Gaussian mixture model for background subtraction (ICPR 2004), with a rate per pixel:
what cv2's MOG2 cannot be told is to leave a person's pixels alone, or to take a ghost's over at once.
"""

from __future__ import annotations

from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
FLOOR, SHADOW, OBJECT = 0, 127, 255
_MODES: Final = 3
_SURE: Final = 0.9
"""Share of the time that the modes which are floor account for."""
_FIRST_VARIANCE, _LEAST_VARIANCE, _MOST_VARIANCE = 15.0, 4.0, 75.0


class Background:
    """The empty scene of one camera.

    Parameters
    ----------
    height, width : px of the pictures given. different, shadow : see `OfflineRules`.
    """

    def __init__(self, height: int, width: int, *, different: float, shadow: float) -> None:
        self._weight = np.zeros((height, width, _MODES), np.float32)
        self._mean = np.zeros((height, width, _MODES, 3), np.float32)
        self._variance = np.full((height, width, _MODES), _FIRST_VARIANCE, np.float32)
        self._different, self._shadow = different, shadow

    def compare(self, image: Image) -> Image:
        """(h, w) FLOOR, SHADOW or OBJECT for each pixel; nothing is learnt."""
        return np.asarray(_compare(image, self._weight, self._mean, self._variance, self._different, self._shadow))

    def learn(self, image: Image, adapt: NDArray[np.float32], absorb: NDArray[np.float32]) -> None:
        """Take in a picture.

        Parameters
        ----------
        adapt, absorb : (h, w) shares, 0 to 1, by which a pixel that is known follows its colour, and by which one
            of another colour becomes floor. 0 leaves it alone; 1 makes it floor at once.
        """
        _learn(image, self._weight, self._mean, self._variance, adapt, absorb, self._different)

    def brighten(self, gain: NDArray[np.float32]) -> None:
        """The light changed everywhere: (3,) factors of the colours."""
        np.clip(self._mean * gain, 0, 255, out=self._mean)

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """(h, w) where nothing has been learnt yet: whatever is seen there is an object."""
        return np.asarray(self._weight[:, :, 0] == 0)

    @property
    def picture(self) -> Image:
        """(h, w, 3) the empty scene as it is known best."""
        return np.asarray(self._mean[:, :, 0].astype(np.uint8))


@nb.njit(cache=True, nogil=True, fastmath=True)
def _compare(image: Any, weight: Any, mean: Any, variance: Any, different: float, darkest: float) -> Any:
    height, width = image.shape[:2]
    found = np.empty((height, width), np.uint8)
    for i in range(height):
        for j in range(width):
            b, g, r = np.float32(image[i, j, 0]), np.float32(image[i, j, 1]), np.float32(image[i, j, 2])
            label = OBJECT
            before = np.float32(0.0)
            for k in range(_MODES):
                if before >= _SURE or weight[i, j, k] <= 0:
                    break
                before += weight[i, j, k]
                mb, mg, mr = mean[i, j, k, 0], mean[i, j, k, 1], mean[i, j, k, 2]
                off = (b - mb) ** 2 + (g - mg) ** 2 + (r - mr) ** 2
                limit = different * variance[i, j, k]
                if off < limit:
                    label = FLOOR
                    break
                power = mb * mb + mg * mg + mr * mr
                if power > 0:
                    share = (b * mb + g * mg + r * mr) / power
                    if darkest <= share <= 1:
                        away = (b - share * mb) ** 2 + (g - share * mg) ** 2 + (r - share * mr) ** 2
                        if away < limit * share * share:
                            label = SHADOW
            found[i, j] = label
    return found


@nb.njit(cache=True, nogil=True, fastmath=True)
def _learn(image: Any, weight: Any, mean: Any, variance: Any, adapt: Any, absorb: Any, different: float) -> None:
    height, width = image.shape[:2]
    for i in range(height):
        for j in range(width):
            fast, slow = adapt[i, j], absorb[i, j]
            if slow <= 0 and fast <= 0:
                continue
            w, m, v, x = weight[i, j], mean[i, j], variance[i, j], image[i, j]
            if slow >= 1:
                w[0], w[1], w[2] = 1.0, 0.0, 0.0
                m[0, 0], m[0, 1], m[0, 2] = x[0], x[1], x[2]
                v[0] = _FIRST_VARIANCE
                continue
            hit = -1
            for k in range(_MODES):
                if w[k] > 0:
                    off = (x[0] - m[k, 0]) ** 2 + (x[1] - m[k, 1]) ** 2 + (x[2] - m[k, 2]) ** 2
                    if off < different * v[k]:
                        hit = k
                        break
            for k in range(_MODES):
                w[k] *= 1 - slow
            if hit < 0:
                hit = _MODES - 1  # they are kept in order: the last one is the rarest
                w[hit] = slow
                m[hit, 0], m[hit, 1], m[hit, 2] = x[0], x[1], x[2]
                v[hit] = _FIRST_VARIANCE
            else:
                w[hit] += slow
                # a young mode settles on its colour as fast as it has been seen
                step = max(fast, min(np.float32(0.5), slow / w[hit]))
                off = (x[0] - m[hit, 0]) ** 2 + (x[1] - m[hit, 1]) ** 2 + (x[2] - m[hit, 2]) ** 2
                for q in range(3):
                    m[hit, q] += step * (x[q] - m[hit, q])
                v[hit] = min(_MOST_VARIANCE, max(_LEAST_VARIANCE, v[hit] + step * (off - v[hit])))
            total = w[0] + w[1] + w[2]
            for k in range(_MODES):
                w[k] /= total
            while hit > 0 and w[hit] > w[hit - 1]:
                w[hit], w[hit - 1] = w[hit - 1], w[hit]
                v[hit], v[hit - 1] = v[hit - 1], v[hit]
                for q in range(3):
                    m[hit, q], m[hit - 1, q] = m[hit - 1, q], m[hit, q]
                hit -= 1
