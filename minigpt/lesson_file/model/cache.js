// The cache: what the model keeps of the tokens it has read, keys and values above all. A
// new token then costs as much as one token, and not as much as the whole text.

export class Cache {
  #kept = new Map();
  length = 0; // Tokens read.

  // Return the values of all positions: those kept under this name, then the new ones.
  extended(name, values, newPositions) {
    const width = values.length / newPositions;
    const all = new Float32Array(this.length * width + values.length);
    if (this.length) all.set(this.#kept.get(name).subarray(0, this.length * width));
    all.set(values, this.length * width);
    this.#kept.set(name, all);
    return all;
  }

  // A cache that goes on by itself.
  copy() {
    const copy = new Cache();
    copy.#kept = new Map(this.#kept); // Arrays are made anew when they grow.
    copy.length = this.length;
    return copy;
  }

  // Forget all but the first tokens.
  truncate(length) {
    this.length = Math.min(this.length, length);
  }
}
