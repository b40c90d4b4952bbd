// The page: pictures and the camera in, overlays out.
//
// In the address: ?model=URL&picture=URL&provider=wasm. `globalThis.faceseg` is the last result.
import { open } from "./model.mjs";

const LARGEST = 1920; // longest side of a picture, in pixels: memory of a phone

const query = new URLSearchParams(location.search);
const at = (id) => document.getElementById(id);
const view = at("view").getContext("2d");
let model, last, camera;

function say(text, error = false) {
  at("status").textContent = text;
  at("status").classList.toggle("error", error);
}

async function start() {
  const names = await (await fetch("models.json")).json();
  at("model").replaceChildren(...names.map((name) => new Option(name, `models/${name}.onnx`)));
  at("model").hidden = names.length < 2;
  if (query.has("model")) at("model").value = query.get("model");
  await load(query.get("model") ?? at("model").value);
  if (query.has("picture")) await showPicture(await (await fetch(query.get("picture"))).blob());
}

async function load(source, name = source) {
  say(`loading ${name} …`);
  const before = model;
  model = await open(source, name, query.get("provider") ?? undefined);
  say(`${model.contract.name} is ready: ${model.runtime}`);
  if (last && !camera) await segment(last.picture);
  await before?.close();
}

async function segment(picture) {
  const { contract, runtime, run } = model;
  const mirrored = camera !== undefined; // as people know themselves
  const began = performance.now();
  const mask = await run(picture);
  last = { picture, mask, contract, runtime, mirrored, ms: performance.now() - began };
  globalThis.faceseg = last;
  paint();
}

function paint() {
  const { picture, mask, contract, runtime, ms } = last;
  const { width, height } = picture;
  const look = at("look").value;
  const colours = contract.classes.map((_, i) => (i ? colour(i - 1) : [0, 0, 0]));
  const share = contract.classes.map((_, i) => ({ mask: 1, overlay: i && 0.5 })[look] ?? 0);
  const shown = new ImageData(new Uint8ClampedArray(picture.data), width, height);
  const counts = new Array(contract.classes.length).fill(0);
  for (let i = 0; i < mask.length; i++) {
    const value = mask[i];
    counts[value]++;
    if (look === "cut-out") shown.data[4 * i + 3] = value ? 255 : 0;
    for (let c = 4 * i; share[value] && c < 4 * i + 3; c++) {
      shown.data[c] += share[value] * (colours[value][c % 4] - shown.data[c]);
    }
  }
  Object.assign(view.canvas, { width, height, hidden: false });
  at("hint").hidden = true;
  view.canvas.style.setProperty("--ratio", width / height);
  view.canvas.classList.toggle("mirrored", last.mirrored);
  view.putImageData(shown, 0, 0);
  const rate = camera?.fps ? [`${camera.fps.toFixed(1)} fps`] : [];
  say([...rate, `${ms.toFixed(0)} ms`, runtime].join(" · "));
  const found = contract.classes.map((_, i) => i).filter((i) => i && counts[i]);
  const parts = found.map((i) => chip(contract.classes[i], counts[i] / mask.length, colours[i]));
  at("parts").replaceChildren(...parts);
}

function chip(name, share, rgb) {
  const item = document.createElement("li");
  item.textContent = `${name} ${(100 * share).toFixed(1)}%`;
  item.style.setProperty("--colour", `rgb(${rgb.join(" ")})`);
  return item;
}

// Colours that lie far from each other, teal the first.
function colour(place) {
  const turn = (0.47 + place * 0.382) % 1;
  const channel = (shift) => Math.abs(((turn + shift) % 1) * 6 - 3) - 1;
  return [0, 2 / 3, 1 / 3].map((shift) => 225 * Math.max(0, Math.min(1, channel(shift))));
}

async function showPicture(file) {
  stopCamera();
  // Turned as EXIF says.
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name ?? "picture"}: not a picture that this browser reads`);
  });
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  await segment(grab(bitmap, Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)));
}

function grab(source, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

async function startCamera() {
  if (!navigator.mediaDevices) throw new Error("cameras need https, or the machine's own address");
  const wanted = { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
  stopCamera(); // one that a second click has started
  const mine = (camera = { stream, fps: 0 });
  const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true });
  video.playsInline = true;
  await video.play();
  at("camera").classList.add("on");
  while (camera === mine) {
    const began = performance.now();
    await segment(grab(video, video.videoWidth, video.videoHeight));
    await new Promise(requestAnimationFrame);
    const fps = 1000 / (performance.now() - began);
    mine.fps = mine.fps ? 0.9 * mine.fps + 0.1 * fps : fps;
  }
}

function stopCamera() {
  camera?.stream.getTracks().forEach((track) => track.stop());
  camera = undefined;
  at("camera").classList.remove("on");
}

// What goes wrong is said on the page.
const guarded = (action) => async (event) => {
  try {
    await action(event);
  } catch (error) {
    stopCamera(); // its next picture would hide what is said
    say(error.message, true);
  }
};
const take = (file) => (file.name.endsWith(".onnx") ? load(file, file.name) : showPicture(file));
at("file").onchange = guarded(({ target }) => target.files[0] && take(target.files[0]));
at("model").onchange = guarded(({ target }) => load(target.value));
at("look").onchange = () => last && paint();
at("camera").onclick = guarded(() => (camera ? stopCamera() : startCamera()));
document.ondragover = (event) => event.preventDefault();
document.ondrop = guarded((event) => {
  event.preventDefault();
  return event.dataTransfer.files[0] && take(event.dataTransfer.files[0]);
});
globalThis.ready = guarded(start)();
