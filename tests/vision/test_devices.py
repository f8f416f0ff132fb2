"""What is done when memory runs out."""

from __future__ import annotations

import numpy as np
import pytest

from dwell_kit.errors import DwellError, InputError
from dwell_kit.vision.devices import OutOfMemoryError, Thrifty, torch_device, within_memory
from tests.vision import networks


class Small:
    """A network on a GPU with room for some pictures; the CPU has room for another number of them."""

    def __init__(self, room: int, *, room_on_cpu: int = 100) -> None:
        self.room, self.room_on_cpu = room, room_on_cpu
        self.device = "cuda:0"
        self.sizes: list[int] = []

    def run(self, pictures: np.ndarray) -> np.ndarray:
        self.sizes.append(len(pictures))
        if len(pictures) > self.room:
            raise OutOfMemoryError("tried to allocate 2 GiB")
        return pictures * 10

    def to_cpu(self) -> None:
        self.device, self.room = "cpu", self.room_on_cpu


def test_a_batch_that_fits_is_shown_at_once() -> None:
    network = Small(8)
    thrifty = Thrifty(network)
    assert thrifty.run(np.arange(8)).tolist() == list(range(0, 80, 10))
    assert (network.sizes, thrifty.note) == ([8], "")


def test_batches_are_halved_until_they_fit_and_stay_so() -> None:
    network = Small(3)
    thrifty = Thrifty(network)
    assert thrifty.run(np.arange(8)).tolist() == list(range(0, 80, 10))
    assert network.sizes == [8, 4, 2, 2, 2, 2]
    assert thrifty.note == "out of memory on cuda:0: 2 pictures at a time"
    thrifty.run(np.arange(3))
    assert network.sizes[6:] == [2, 1]


def test_then_the_cpu_and_the_status_says_so() -> None:
    network = Small(0)
    thrifty = Thrifty(network)
    assert thrifty.run(np.arange(4)).tolist() == [0, 10, 20, 30]
    assert network.sizes == [4, 2, 1, 4]
    assert thrifty.note == "out of memory on cuda:0, even for one picture: runs on the CPU"


def test_what_was_answered_before_memory_ran_out_is_kept() -> None:
    network = Small(2)
    thrifty = Thrifty(network, most=2)
    assert thrifty.run(np.arange(2)).tolist() == [0, 10]
    network.room = 1
    assert thrifty.run(np.arange(4)).tolist() == [0, 10, 20, 30]


def test_no_room_anywhere_is_an_error() -> None:
    with pytest.raises(DwellError, match="does not fit into memory") as refused:
        Thrifty(Small(0, room_on_cpu=0)).run(np.arange(3))
    assert refused.value.found == "tried to allocate 2 GiB"


def test_devices_of_torch() -> None:
    networks.needs("torch")
    import torch

    assert torch_device("cpu") == "cpu"
    assert torch_device(None) == ("cuda:0" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="no such device"):
        torch_device("abacus")
    with pytest.raises(InputError, match="does not see this GPU") as refused:
        torch_device("cuda:99")
    assert str(refused.value.expected).startswith("cpu")


def test_torchs_error_about_memory_is_known() -> None:
    networks.needs("torch")
    import torch

    def fill() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    with pytest.raises(OutOfMemoryError, match="CUDA out of memory"):
        within_memory(fill)
