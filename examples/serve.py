"""Segment pictures over HTTP, within limits.

    pip install fastapi uvicorn
    python examples/serve.py --model face-unet --port 8000
    curl --data-binary @photo.jpg localhost:8000/segment > mask.png
    curl --data-binary @photo.jpg 'localhost:8000/segment?answer=rle'

The picture is the body itself, so that it can be counted while it arrives; none is written to disk.
"""

import argparse
import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect

from faceseg.errors import InputError
from faceseg.images import Encoded, encode_png, image_size, read_image
from faceseg.predict import Predictor
from faceseg.rle import encode_labels


class Service:
    """A model behind HTTP; the limits are those of `main`'s options."""

    def __init__(self, limits: argparse.Namespace) -> None:
        self.limits = limits
        # A thread for each picture: two pictures at once gain more than two threads for one.
        self.predictor = Predictor(limits.model, threads=1)
        self.pool = ThreadPoolExecutor(limits.workers)
        self.turns = asyncio.Semaphore(limits.workers)
        self.inside = 0
        self.answered: Counter[int] = Counter()
        self.seconds: Counter[str] = Counter()

    async def segment(self, request: Request, answer: Literal["mask", "rle"] = "mask") -> Response:
        """Answer a picture with its mask, a PNG of class ids, or with each class's run lengths."""
        try:
            response = await self._admit(request, answer)
        except InputError as error:
            response = _refusal(400, str(error))
        except HTTPException as error:
            response = _refusal(error.status_code, error.detail)
        except ClientDisconnect:
            response = _refusal(400, "the client went away")  # which nobody reads
        self.answered[response.status_code] += 1
        return response

    async def _admit(self, request: Request, answer: str) -> Response:
        if self.inside >= self.limits.waiting:
            raise HTTPException(503, f"{self.inside} pictures are waiting; come again")
        self.inside += 1
        try:
            upload = await _within(self.limits.seconds, 408, self._receive(request))
            await _within(self.limits.seconds, 503, self.turns.acquire())
            try:
                # Not stopped by a clock: the number of pixels bounds it.
                loop = asyncio.get_running_loop()
                work = loop.run_in_executor(self.pool, self._work, upload, answer)
                response, seconds = await work
                self.seconds.update(seconds)  # here, in the one thread of the loop
                return response
            finally:
                self.turns.release()
        finally:
            self.inside -= 1

    async def _receive(self, request: Request) -> Encoded:
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise HTTPException(415, "a form; expected the picture as the body, curl --data-binary")
        most = int(self.limits.megabytes * 1e6)
        declared = int(request.headers.get("content-length", 0))
        upload = bytearray()
        async for chunk in request.stream():
            if max(declared, len(upload) + len(chunk)) > most:
                raise HTTPException(413, f"more than {most} bytes")
            upload += chunk
        return Encoded(bytes(upload), "upload")

    def _work(self, upload: Encoded, answer: str) -> tuple[Response, dict[str, float]]:
        began = time.perf_counter()
        height, width = image_size(upload)  # from the head, before a pixel is decoded
        if height * width > self.limits.megapixels * 1e6:
            most = self.limits.megapixels
            raise HTTPException(413, f"a picture of {width} x {height}; at most {most} megapixels")
        image = read_image(upload)
        decoded = time.perf_counter()
        mask = self.predictor(image)
        predicted = time.perf_counter()
        if answer == "mask":
            response = Response(encode_png(mask), media_type="image/png")
        else:
            names = self.predictor.contract.classes
            found = encode_labels(mask, classes=range(1, len(names)))
            # COCO's compressed counts, of each class but the background.
            counts = {names[value]: rle.to_coco().decode() for value, rle in found.items()}
            response = JSONResponse({"size": mask.shape, "counts": counts})
        encoded = time.perf_counter()
        seconds = {"decode": decoded - began, "predict": predicted - decoded}
        return response, seconds | {"encode": encoded - predicted}

    async def health(self) -> dict[str, object]:
        """Say that the model is loaded, and which."""
        contract = self.predictor.contract
        return {
            "model": contract.name,
            "classes": contract.classes,
            "weights_sha256": contract.weights_sha256,
            "provider": self.predictor.provider,
        }

    async def metrics(self) -> PlainTextResponse:
        """Report counts and times in Prometheus's text format."""
        lines = ["# TYPE faceseg_requests_total counter"]
        lines += [f'faceseg_requests_total{{status="{k}"}} {n}' for k, n in self.answered.items()]
        lines += ["# TYPE faceseg_seconds_total counter"]
        lines += [f'faceseg_seconds_total{{stage="{k}"}} {n:.6f}' for k, n in self.seconds.items()]
        lines += ["# TYPE faceseg_pictures gauge", f"faceseg_pictures {self.inside}"]
        resident = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]
        lines += ["# TYPE process_resident_memory_bytes gauge"]
        lines += [f"process_resident_memory_bytes {int(resident) * 1024}"]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


async def _within(seconds, status, awaited):
    """Return what is awaited, or refuse with a status when it takes too long."""
    try:
        return await asyncio.wait_for(awaited, seconds)
    except asyncio.TimeoutError:
        raise HTTPException(status, f"not done within {seconds} s") from None


def _refusal(status: int, reason: str) -> JSONResponse:
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse({"error": reason}, status, headers)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="face-unet", help="an .onnx file, or a shipped model")
    parser.add_argument(
        "--port", type=int, default=8000, help="on this machine; 0 takes a free one"
    )
    parser.add_argument("--megabytes", type=float, default=10, help="of a picture as it is sent")
    parser.add_argument("--megapixels", type=float, default=25, help="of a picture")
    parser.add_argument("--seconds", type=float, default=20, help="to arrive, and to wait")
    parser.add_argument("--workers", type=int, default=2, help="pictures in work at once")
    parser.add_argument("--waiting", type=int, default=16, help="pictures in memory at once")
    limits = parser.parse_args()
    try:
        service = Service(limits)
    except InputError as error:
        parser.error(str(error))
    app = FastAPI(title="faceseg")
    app.post("/segment")(service.segment)
    app.get("/health")(service.health)
    app.get("/metrics")(service.metrics)
    uvicorn.run(app, host="127.0.0.1", port=limits.port, access_log=False)


if __name__ == "__main__":
    main()
