// The contract of a model: JSON in the ONNX file's metadata under "faceseg". ONNX Runtime for
// JavaScript hands out no metadata, so it is read from the file's bytes.

// An ONNX file is a protobuf message: field 14 holds pairs of a key (1) and a value (2).
const METADATA = 14;

export function readContract(bytes, source) {
  for (const [field, entry] of fields(bytes, source)) {
    if (field !== METADATA) continue;
    const pair = new Map(fields(entry, source));
    if (text(pair.get(1)) !== "faceseg") continue;
    const contract = JSON.parse(text(pair.get(2)));
    if (![1, 2].includes(contract.version))
      throw new Error(`${source}: contract version ${contract.version}, this app knows 1 and 2`);
    const gives = contract.outputs[0].name;
    if (gives !== "mask") throw new Error(`${source}: gives ${gives}, this app takes a mask`);
    return contract;
  }
  throw new Error(`${source}: not a model of faceseg export`);
}

// The one size of picture that a file takes, { width, height }; undefined where it takes any.
export function onlySize({ input }) {
  const [, height, width] = input.shape;
  return typeof height === "number" ? { width, height } : undefined;
}

// Names of the nodes of one kind: field 7 is the graph, its field 1 a node with name (3), kind (4).
export function nodesOf(bytes, kind, source) {
  const graph = new Map(fields(bytes, source)).get(7);
  const nodes = [...fields(graph, source)].filter(([field]) => field === 1);
  return nodes
    .map(([, node]) => new Map(fields(node, source)))
    .filter((node) => text(node.get(4)) === kind)
    .map((node) => text(node.get(3)));
}

const text = (bytes) => new TextDecoder().decode(bytes);

// Number and bytes of each length-delimited field; numbers are passed over.
function* fields(bytes, source) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    // 0: a number; 1 and 5: 8 and 4 bytes; 2: as many bytes as say themselves.
    const size = { 0: () => varint() * 0, 1: () => 8, 2: varint, 5: () => 4 }[kind]?.();
    if (!(at + size <= bytes.length)) throw new Error(`${source}: not an ONNX file, or cut short`);
    if (kind === 2) yield [Math.floor(tag / 8), bytes.subarray(at, at + size)];
    at += size;
  }
}
