"""A camera by RTSP: a real server of H.264 on 127.0.0.1, which goes away and comes back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dwell_kit.vision.stream import Patience, Stream

PYTHON = "/usr/bin/python3"
"""Debian's: GStreamer's bindings are packages of the system, not of PyPI."""
READY = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
assert Gst.ElementFactory.find("x264enc") and Gst.ElementFactory.find("rtph264pay")
"""
SERVE = f"""{READY}
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
bars = GstRtspServer.RTSPMediaFactory.new()
bars.set_launch(
    "( videotestsrc is-live=true pattern=smpte75 ! video/x-raw,width=320,height=240,framerate=15/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=5 ! rtph264pay config-interval=1 name=pay0 )"
)
server.get_mount_points().add_factory("/main", bars)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""
BARS = 191 * np.array([(1, 1, 1), (0, 1, 1), (1, 1, 0), (0, 1, 0), (1, 0, 1), (0, 0, 1), (1, 0, 0)])
"""Blue, green and red of the colour bars at 75 %: grey, yellow, cyan, green, magenta, red, blue."""


@pytest.fixture(autouse=True)
def gstreamer() -> None:
    there = Path(PYTHON).exists()
    if not there or subprocess.run([PYTHON, "-c", READY], check=False, capture_output=True).returncode:
        message = "no RTSP server: GStreamer's for Debian's Python (.ci/run has the packages)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@contextmanager
def serving(port: int = 0) -> Iterator[int]:
    """The server, and the port that it has; 0 takes a free one."""
    with subprocess.Popen([PYTHON, "-c", SERVE, str(port)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def test_a_camera_is_seen_and_found_again() -> None:
    with serving() as port:
        stream = Stream(
            f"rtsp://user:secret@127.0.0.1:{port}/main", fps=15,
            patience=Patience(read_timeout_s=3, first_s=0.1, most_s=0.5, give_up_s=60),
        )  # fmt: skip
        frames = iter(stream)
        seen = [next(frames) for _ in range(5)]
    assert seen[-1].image.shape == (240, 320, 3)
    middles = seen[-1].image[60, np.arange(7) * 320 // 7 + 22].astype(int)
    assert np.abs(middles - BARS).max() < 30, middles
    assert all(b.at_s > a.at_s and b.number > a.number for a, b in pairwise(seen))
    with serving(port):  # the same address, another server; one frame of the old one may still be there
        again = [next(frames) for _ in range(3)]
    assert again[-1].at_s > seen[-1].at_s
    assert stream.reconnects > 0
    stream.close()
    assert "secret" not in stream.name
