// Segment a picture with an exported model: Node and onnxruntime-node, nothing of faceseg.
//
//     node segment.mjs face-unet.onnx photo.ppm mask.pgm
//
// All it knows of the model it reads from the model, see contract.mjs. The pictures are binary PPM
// (P6) and PGM (P5), so that the example needs no decoder; an app has one of its own.
import { readFile, writeFile } from "node:fs/promises";
import ort from "onnxruntime-node";
import { onlySize, readContract } from "../browser/contract.mjs";

export async function load(path) {
  const bytes = await readFile(path);
  const contract = readContract(bytes, path);
  // Errors alone: the standard error is the app's own.
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  return { contract, session };
}

// Pixels are RGB, 3 bytes each; the answer has the class of each pixel.
export async function segment({ contract, session }, { pixels, width, height }) {
  const only = onlySize(contract) ?? { width, height };
  if (only.width !== width || only.height !== height)
    throw new Error(
      `a picture of ${width} x ${height}, this model takes ${only.width} x ${only.height} alone`,
    );
  const image = new ort.Tensor("uint8", pixels, [1, height, width, 3]);
  const output = contract.outputs[0].name;
  return (await session.run({ [contract.input.name]: image }, [output]))[output].data;
}

function decodePpm(bytes, path) {
  // Width, height and maximum, with comments between them, then one space and the pixels.
  const head = /^P6\s(?:\s|#.*\n)*(\d+)\s(?:\s|#.*\n)*(\d+)\s(?:\s|#.*\n)*255\s/.exec(
    bytes.subarray(0, 4096).toString("latin1"),
  );
  if (!head) throw new Error(`${path}: not a binary PPM (P6) of 8 bits`);
  const [width, height] = [Number(head[1]), Number(head[2])];
  const pixels = bytes.subarray(head[0].length, head[0].length + width * height * 3);
  if (!pixels.length || pixels.length < width * height * 3) throw new Error(`${path}: cut short`);
  return { pixels, width, height };
}

async function main(args) {
  if (args.length !== 3) throw new Error("usage: node segment.mjs MODEL.onnx PICTURE.ppm MASK.pgm");
  const [path, source, target] = args;
  const model = await load(path);
  const picture = decodePpm(await readFile(source), source);
  const mask = await segment(model, picture);
  // Class ids as they are; the greatest of them is the PGM's white.
  const { classes } = model.contract;
  const head = `P5\n${picture.width} ${picture.height}\n${classes.length - 1}\n`;
  await writeFile(target, Buffer.concat([Buffer.from(head), mask]));
  const counts = new Array(classes.length).fill(0);
  for (const value of mask) counts[value]++;
  classes.forEach((name, value) => {
    const share = `${((100 * counts[value]) / mask.length).toFixed(2)}%`;
    console.log(name.padEnd(12) + share.padStart(7));
  });
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
});
