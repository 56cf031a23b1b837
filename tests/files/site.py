"""A server on this computer that has one file, and can stop half-way or refuse to resume."""

import hashlib
import http.server
import threading
from contextlib import contextmanager

CONTENT = bytes(range(256)) * 5000  # 1.28 MB, several chunks
GOOD = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `content`, with ranges where the server says so; after `stop_after` bytes it hangs up."""

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.can_resume else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        self.send_response(206 if wanted and server.can_resume else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        self.wfile.write(server.content[start:][: server.stop_after])

    def log_message(self, *args):
        pass


@contextmanager
def serving(content):
    """A server on this computer that has one file; `url` is where."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.can_resume, server.stop_after, server.ranges = content, True, None, []
    server.url = f"http://127.0.0.1:{server.server_port}/file"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def dead_url():
    """Where a server has just been."""
    with serving(b"") as server:
        return server.url
