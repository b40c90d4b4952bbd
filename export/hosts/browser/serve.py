"""Serve the page, ONNX Runtime's files and models to the browsers of this machine.

    python serve.py face-unet.onnx [another.onnx ...] [--port 8000]

Threads in WebAssembly need a page that is isolated from other sites, which two headers ask for; any
web server can send them. Cameras need https, or this machine's own address.
"""

import argparse
import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Handler(SimpleHTTPRequestHandler):
    """Files of this folder, and the models under ``models/``."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(self, *args, models, **kwargs):
        self.models = {f"/models/{path.name}": path for path in models}
        super().__init__(*args, directory=Path(__file__).parent, **kwargs)

    def do_GET(self):
        """Answer with a file, or with the names of the models."""
        if urlsplit(self.path).path != "/models.json":
            return super().do_GET()
        names = json.dumps([path.stem for path in self.models.values()]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(names)))
        self.end_headers()
        self.wfile.write(names)
        return None

    def translate_path(self, path):
        """Return the file that an address means."""
        model = self.models.get(unquote(urlsplit(path).path))
        return str(model) if model else super().translate_path(path)

    def end_headers(self):
        """Add what isolates the page."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


def main():
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any that is free")
    given = parser.parse_args()
    for path in given.models:
        if not path.is_file():
            parser.error(f"{path}: no such file")
    server = ThreadingHTTPServer(("127.0.0.1", given.port), partial(Handler, models=given.models))
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
