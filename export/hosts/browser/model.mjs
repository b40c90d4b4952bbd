// A model in the browser: a file of `faceseg export` on onnxruntime-web. The part to copy.
import { nodesOf, onlySize, readContract } from "./contract.mjs";

const ORT = "./node_modules/onnxruntime-web/dist/"; // where its files are served

export async function open(source, name, provider) {
  const bytes = typeof source === "string" ? await download(source) : await source.arrayBuffer();
  const contract = readContract(new Uint8Array(bytes), name);
  provider ??= (await navigator.gpu?.requestAdapter()) ? "webgpu" : "wasm";
  const ort = await import(`${ORT}ort.${provider}.min.mjs`);
  // Threads need a page that is isolated from others: serve.py sends the headers.
  ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  // In a worker, so that the page stays alive while the network runs; WebGPU cannot.
  ort.env.wasm.proxy = provider === "wasm";
  // WebGPU cannot reduce with antialiasing (ONNX Runtime 1.30): an error at the first picture.
  const forceCpuNodeNames = nodesOf(new Uint8Array(bytes), "Resize", name);
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: [{ name: provider, forceCpuNodeNames }],
  });
  const runtime = provider === "wasm" ? `wasm × ${ort.env.wasm.numThreads}` : provider;
  const run = (picture) => segment(ort, session, contract, picture);
  return { contract, runtime, run: inTurn(run), close: () => session.release() };
}

async function download(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}

// The class of each pixel of an ImageData, which is brought to the one size that some files take.
async function segment(ort, session, contract, picture) {
  const only = onlySize(contract);
  if (!only || (only.width === picture.width && only.height === picture.height))
    return classes(ort, session, contract, picture);
  const small = await classes(ort, session, contract, await resize(picture, only));
  const mask = new Uint8Array(picture.width * picture.height);
  for (let y = 0, to = 0; y < picture.height; y++) {
    const row = Math.floor((y * only.height) / picture.height) * only.width;
    for (let x = 0; x < picture.width; x++)
      mask[to++] = small[row + Math.floor((x * only.width) / picture.width)];
  }
  return mask;
}

async function resize(picture, { width, height }) {
  const options = { resizeWidth: width, resizeHeight: height, resizeQuality: "high" };
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(await createImageBitmap(picture, options), 0, 0);
  return context.getImageData(0, 0, width, height);
}

async function classes(ort, session, contract, { data, width, height }) {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4) {
    rgb[to++] = data[from];
    rgb[to++] = data[from + 1];
    rgb[to++] = data[from + 2];
  }
  const image = new ort.Tensor("uint8", rgb, [1, height, width, 3]);
  const output = contract.outputs[0].name;
  const result = await session.run({ [contract.input.name]: image }, [output]);
  return result[output].data;
}

// A session in the browser runs one picture at a time.
function inTurn(run) {
  let before = Promise.resolve();
  return (...given) => (before = before.catch(() => {}).then(() => run(...given)));
}
