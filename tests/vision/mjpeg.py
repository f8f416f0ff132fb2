"""A camera on this machine: MJPEG over HTTP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np


def picture(number: int) -> np.ndarray:
    return np.full((48, 64, 3), 10 * (number % 20), np.uint8)


class Server:
    """MJPEG over HTTP: `frames` pictures a connection, then it is dropped; with `stall`, it hangs instead."""

    def __init__(self, frames: int, *, stall: bool = False) -> None:
        self.connections = 0
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
                self.end_headers()
                try:
                    for number in range(frames):
                        jpeg = cv2.imencode(".jpg", picture(number))[1].tobytes()
                        self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\n")
                        self.wfile.write(b"Content-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg))
                        outer.over.wait(0.02)
                    if stall and outer.connections == 1:
                        outer.over.wait(20)
                except OSError:  # the other side has gone
                    pass

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/video.mjpg"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
