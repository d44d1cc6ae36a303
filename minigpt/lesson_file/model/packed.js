// What a lesson file carries, unpacked: the model's settings and its weights.

// `settings` has the model's `config` and, for each weight, its name and shape, in the order
// in which `packed` holds the numbers: 32-bit floats, the low byte first, gzipped, in base64.
export async function unpackModel({ config, weights: index }, packed) {
  return { config, weights: await unpackWeights(index, packed) };
}

export async function unpackWeights(index, packed) {
  const numbers = new Float32Array(await unzipped(packed));
  const weights = new Map();
  let start = 0;
  for (const { name, shape } of index) {
    const count = shape.reduce((product, side) => product * side, 1);
    weights.set(name, { values: numbers.subarray(start, start + count), shape });
    start += count;
  }
  if (start !== numbers.length)
    throw new RangeError(`The file has ${numbers.length} weights where ${start} belong.`);
  return weights;
}

async function unzipped(packed) {
  const stream = new Blob([bytesOf(packed.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64); // Since 2025.
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}
