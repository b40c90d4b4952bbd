"""The host apps of export/hosts: each runs a shipped model as `Predictor` does, pixel for pixel."""

from __future__ import annotations

import base64
import http.client
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import numpy as np
import onnxruntime
import pytest
from chromium import Chromium
from PIL import Image

from faceseg import zoo
from faceseg.draw import draw_portrait
from faceseg.images import encode_jpeg, write_png
from faceseg.predict import Predictor

pytest_plugins = ["exported"]

HOSTS = Path(__file__).resolve().parents[1] / "export" / "hosts"
MODEL = zoo.locate("face-unet")
LINES = 149  # of one file; what an app author reads in one go

if not HOSTS.exists():
    pytest.skip("the sdist carries no host apps", allow_module_level=True)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return draw_portrait(np.random.default_rng(3), size=(301, 227))[0]


@pytest.fixture(scope="module")
def expected(portrait: np.ndarray) -> np.ndarray:
    mask = Predictor(MODEL, provider="cpu", threads=1)(portrait)
    assert 0.05 < mask.mean() < 0.5
    return mask


@pytest.fixture(scope="module")
def small(portrait: np.ndarray) -> np.ndarray:
    """Return the portrait at the size that `one_size` takes."""
    return np.asarray(Image.fromarray(portrait).resize((64, 64), Image.Resampling.BILINEAR))


@pytest.fixture(scope="module")
def small_expected(one_size: Path, small: np.ndarray) -> np.ndarray:
    mask = Predictor(one_size, provider="cpu", threads=1)(small)
    assert 0.05 < mask.mean() < 0.95
    return mask


def _program(name: str, package: str) -> str:
    """Return where a program is; the test skips where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here; apt-get install {package}")
    return found


def _run(*command: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _refused(*command: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def _write_ppm(path: Path, image: np.ndarray) -> Path:
    height, width = image.shape[:2]
    path.write_bytes(b"P6\n# drawn\n%d %d\n255\n" % (width, height) + image.tobytes())
    return path


def _read_ids(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Return the bytes of a PGM as they are: Pillow would stretch them to 255."""
    head, data = path.read_bytes()[: -shape[0] * shape[1]], path.read_bytes()
    assert head.split() == [b"P5", b"%d" % shape[1], b"%d" % shape[0], b"1"]
    return np.frombuffer(data, np.uint8, offset=len(head)).reshape(shape)


def test_python(portrait: np.ndarray, expected: np.ndarray, tmp_path: Path) -> None:
    write_png(tmp_path / "in.png", portrait)
    script = HOSTS / "python" / "segment.py"
    # Isolated, so that nothing of this checkout is on its path.
    said = _run(sys.executable, "-I", script, MODEL, tmp_path / "in.png", tmp_path / "out.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), expected * 255)
    assert said.split() == [
        "background",
        f"{1 - expected.mean():.2%}",
        "face",
        f"{expected.mean():.2%}",
    ]


def _host(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("host", HOSTS / name / "segment.py")
    assert spec is not None
    assert spec.loader is not None
    host = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(host)
    return host


def test_python_with_a_file_of_one_size(
    one_size: Path, logits_alone: Path, portrait: np.ndarray,
    small: np.ndarray, small_expected: np.ndarray,
) -> None:  # fmt: skip
    host = _host("python")
    session, contract = host.load(str(one_size))
    assert np.array_equal(host.segment(session, contract, small), small_expected)
    enlarged = Image.fromarray(small_expected).resize((227, 301), Image.Resampling.NEAREST)
    assert np.array_equal(host.segment(session, contract, portrait), np.asarray(enlarged))
    with pytest.raises(ValueError, match="gives logits, this app takes a mask"):
        host.load(str(logits_alone))


@pytest.fixture(scope="module")
def c_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("c")
    found = [*Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")]
    if not found:
        pytest.skip("this onnxruntime is no wheel for Linux: it brings no libonnxruntime.so")
    library = folder / "libonnxruntime.so.1"
    library.symlink_to(found[0])
    strict = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    _run(
        *[_program("cc", "gcc"), *strict, HOSTS / "c" / "segment.c", library],
        *["-Wl,-rpath," + str(folder), "-o", folder / "segment"],
    )
    return folder / "segment"


def test_c(c_program: Path, portrait: np.ndarray, expected: np.ndarray, tmp_path: Path) -> None:
    picture = _write_ppm(tmp_path / "in.ppm", portrait)
    said = _run(c_program, MODEL, picture, tmp_path / "out.pgm")
    assert np.array_equal(_read_ids(tmp_path / "out.pgm", expected.shape), expected)
    assert said.split()[2:] == ["face", f"{expected.mean():.2%}"]


def test_c_with_a_file_of_one_size(
    c_program: Path, one_size: Path, small: np.ndarray, small_expected: np.ndarray, tmp_path: Path
) -> None:
    _run(c_program, one_size, _write_ppm(tmp_path / "in.ppm", small), tmp_path / "out.pgm")
    assert np.array_equal(_read_ids(tmp_path / "out.pgm", (64, 64)), small_expected)


def test_c_refuses(
    c_program: Path, portrait: np.ndarray, one_size: Path, logits_alone: Path, tmp_path: Path
) -> None:
    picture = _write_ppm(tmp_path / "in.ppm", portrait)
    (tmp_path / "cut.ppm").write_bytes(picture.read_bytes()[:-1])
    out = tmp_path / "out.pgm"
    assert "cut short" in _refused(c_program, MODEL, tmp_path / "cut.ppm", out)
    assert "not a binary PPM" in _refused(c_program, MODEL, MODEL, out)
    assert "Protobuf parsing failed" in _refused(c_program, picture, picture, out)
    assert f"in.ppm: 301x227, {one_size} takes 64x64 alone" in _refused(
        c_program, one_size, picture, out
    )
    assert "gives logits, this app takes a mask" in _refused(c_program, logits_alone, picture, out)
    assert not out.exists()


@pytest.fixture(scope="module")
def node() -> list[object]:
    """Return the command of the Node host."""
    program = _program("node", "nodejs")
    script = HOSTS / "node" / "segment.mjs"
    _packages(script.parent, "onnxruntime-node")
    return [program, script]


def test_node(
    node: list[object], portrait: np.ndarray, expected: np.ndarray, tmp_path: Path
) -> None:
    picture = _write_ppm(tmp_path / "in.ppm", portrait)
    said = _run(*node, MODEL, picture, tmp_path / "out.pgm")
    assert np.array_equal(_read_ids(tmp_path / "out.pgm", expected.shape), expected)
    assert said.split()[2:] == ["face", f"{expected.mean():.2%}"]
    (tmp_path / "cut.onnx").write_bytes(MODEL.read_bytes()[:100_000])
    said = _refused(*node, tmp_path / "cut.onnx", picture, tmp_path / "out.pgm")
    assert "not an ONNX file, or cut short" in said


def test_node_with_a_file_of_one_size(
    node: list[object], one_size: Path, logits_alone: Path, portrait: np.ndarray,
    small: np.ndarray, small_expected: np.ndarray, tmp_path: Path,
) -> None:  # fmt: skip
    out = tmp_path / "out.pgm"
    _run(*node, one_size, _write_ppm(tmp_path / "in.ppm", small), out)
    assert np.array_equal(_read_ids(out, (64, 64)), small_expected)
    picture = _write_ppm(tmp_path / "large.ppm", portrait)
    said = _refused(*node, one_size, picture, out)
    assert "a picture of 227 x 301, this model takes 64 x 64 alone" in said
    said = _refused(*node, logits_alone, picture, out)
    assert "gives logits, this app takes a mask" in said


def test_opencv_with_a_file_of_one_size(
    one_size: Path, logits_alone: Path, portrait: np.ndarray,
    small: np.ndarray, small_expected: np.ndarray,
) -> None:  # fmt: skip
    pytest.importorskip("cv2", reason="pip install opencv-python-headless")
    host = _host("opencv")
    network, contract = host.load(str(one_size))
    assert np.array_equal(host.segment(network, contract, small), small_expected)
    assert host.segment(network, contract, portrait).shape == portrait.shape[:2]
    with pytest.raises(ValueError, match="gives logits, this app takes a mask"):
        host.load(str(logits_alone))


def test_opencv(portrait: np.ndarray, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="pip install opencv-python-headless")
    host = _host("opencv")
    (tmp_path / "cut.onnx").write_bytes(MODEL.read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"cut\.onnx: not an ONNX file, or cut short"):
        host.load(str(tmp_path / "cut.onnx"))
    if int(cv2.__version__.split(".")[0]) < 5:
        with pytest.raises(ValueError, match="faceseg export --size"):
            host.load(str(MODEL))
        pytest.skip(f"OpenCV {cv2.__version__} runs no file for pictures of any size")
    network, contract = host.load(str(MODEL))
    predictor = Predictor(MODEL, provider="cpu", threads=1)
    height, width = contract["network_size"]
    # At the network's size OpenCV has nothing to resize, and other pictures are brought to it.
    picture = cv2.resize(portrait, (width, height), interpolation=cv2.INTER_AREA)
    mask = host.segment(network, contract, picture)
    assert np.array_equal(mask, predictor(picture))
    enlarged = cv2.resize(mask, portrait.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    assert np.array_equal(host.segment(network, contract, portrait), enlarged)


@pytest.fixture(scope="module")
def browser(portrait: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = shutil.which("chromium") or _program("google-chrome", "chromium")
    _packages(HOSTS / "browser", "onnxruntime-web")
    folder = tmp_path_factory.mktemp("browser")
    (folder / "film.mjpeg").write_bytes(encode_jpeg(portrait[:300, :226]) * 2)
    film = f"--use-file-for-fake-video-capture={folder / 'film.mjpeg'}"
    opened = Chromium(program, folder / "profile", film)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    script = HOSTS / "browser" / "serve.py"
    command = [sys.executable, str(script), str(MODEL), "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


DONE = "globalThis.faceseg?.mask || document.querySelector('#status.error')"


def _wait(browser: Chromium, condition: str) -> None:
    poll = f"(function again() {{ ({condition}) ? done() : setTimeout(again, 50) }})()"
    browser.run(f"new Promise(done => {poll}).then(() => 0)")


def _status(browser: Chromium) -> str:
    return str(browser.run("document.getElementById('status').textContent"))


def _error(browser: Chromium, word: str) -> str:
    """Return the error with this word, once it is there; "loading …" names the same file."""
    _wait(browser, f"document.querySelector('#status.error')?.textContent.includes('{word}')")
    return _status(browser)


def test_browser(
    browser: Chromium, site: str, portrait: np.ndarray, expected: np.ndarray, tmp_path: Path
) -> None:
    write_png(tmp_path / "in.png", portrait)
    browser.size(1280, 800)
    browser.go(site + "?provider=wasm")
    browser.run("ready.then(() => 0)")
    # The headers isolate the page, so WebAssembly has threads.
    assert browser.run("crossOriginIsolated")
    assert _status(browser).startswith("face-unet is ready: wasm × ")
    browser.choose_file("#file", tmp_path / "in.png")
    _wait(browser, DONE)
    assert " ms · wasm" in _status(browser)
    assert np.array_equal(_ids(browser, expected.shape), expected)
    # What is shown as "mask" is black and one colour.
    shown = "new Set(new Uint32Array(document.getElementById('view').getContext('2d')"
    shown += ".getImageData(0, 0, 227, 301).data.buffer)).size"
    browser.run("look = document.getElementById('look'); look.value = 'mask'; look.onchange()")
    assert browser.run(shown) == 2


def _ids(browser: Chromium, shape: tuple[int, ...]) -> np.ndarray:
    mask = browser.run("btoa(faceseg.mask.reduce((all, id) => all + String.fromCharCode(id), ''))")
    return np.frombuffer(base64.b64decode(mask), np.uint8).reshape(shape)


def test_browser_with_a_file_of_one_size(
    browser: Chromium, site: str, one_size: Path, portrait: np.ndarray, small: np.ndarray,
    small_expected: np.ndarray, tmp_path: Path,
) -> None:  # fmt: skip
    browser.go(site + "?provider=wasm")
    browser.run("ready.then(() => 0)")
    browser.run("document.getElementById('status').textContent = ''")
    browser.choose_file("#file", one_size)
    _wait(browser, "document.getElementById('status').textContent.includes(' is ready: ')")
    for name, picture in [("small", small), ("large", portrait)]:
        write_png(tmp_path / f"{name}.png", picture)
        browser.run("delete globalThis.faceseg")
        browser.choose_file("#file", tmp_path / f"{name}.png")
        _wait(browser, DONE)
        ids = _ids(browser, picture.shape[:2])
        if name == "small":
            assert np.array_equal(ids, small_expected)
    # The browser reduces the portrait by another rule, and an untrained network is easily swayed.
    back = np.asarray(Image.fromarray(ids).resize((64, 64), Image.Resampling.NEAREST))
    assert (back == small_expected).mean() > 0.8


def test_browser_says_what_goes_wrong(
    browser: Chromium, site: str, logits_alone: Path, tmp_path: Path
) -> None:
    browser.go(site + "?provider=wasm")
    browser.run("ready.then(() => 0)")
    (tmp_path / "cut.onnx").write_bytes(MODEL.read_bytes()[:100_000])
    browser.choose_file("#file", tmp_path / "cut.onnx")
    assert _error(browser, "cut") == "cut.onnx: not an ONNX file, or cut short"
    browser.choose_file("#file", logits_alone)
    said = "face-unet-logits.onnx: gives logits, this app takes a mask"
    assert _error(browser, "logits") == said
    browser.run(
        "dropped = new DataTransfer(); dropped.items.add(new File(['no picture'], 'poem.jpg'));"
        "document.dispatchEvent(new DragEvent('drop', {dataTransfer: dropped, cancelable: true}))"
    )
    assert _error(browser, "poem") == "poem.jpg: not a picture that this browser reads"
    # As on a page over http from another machine.
    browser.run("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    browser.run("document.getElementById('camera').click()")
    assert _error(browser, "cameras") == "cameras need https, or the machine's own address"


def test_browser_camera_on_a_phone(browser: Chromium, site: str) -> None:
    browser.size(390, 844, phone=True)
    browser.go(site + "?provider=wasm")
    browser.run("ready.then(() => 0)")
    browser.run("document.getElementById('camera').click()")
    _wait(browser, "document.getElementById('status').textContent.includes(' fps · ')")
    assert browser.run("faceseg.picture.width") == 226
    # Nothing lies beside the page, and a thumb hits each button.
    assert browser.run("document.documentElement.scrollWidth <= 390")
    assert (
        browser.run(
            "Math.min(...[...document.querySelectorAll('footer > :not([hidden])')]"
            ".map(each => each.getBoundingClientRect().height))"
        )
        >= 44
    )
    assert browser.run("document.querySelector('canvas.mirrored') !== null")
    browser.run("document.getElementById('camera').click()")
    assert browser.run("document.querySelector('button.on') === null")


def test_browser_server(site: str) -> None:
    for path, status in [("/models.json", 200), ("/../python/segment.py", 404), ("/models/x", 404)]:
        connection = http.client.HTTPConnection(urlsplit(site).netloc, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == status
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        answer.read()
        connection.close()


@pytest.mark.parametrize(
    "path",
    sorted(p for k in ("py", "c", "mjs", "html") for p in HOSTS.glob(f"*/*.{k}")),
    ids=lambda p: f"{p.parent.name}-{p.name}",
)
def test_each_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


def _packages(folder: Path, name: str) -> None:
    if not (folder / "node_modules" / name).is_dir():
        pytest.skip(f"no {name} here; npm install in export/hosts/{folder.name}")
