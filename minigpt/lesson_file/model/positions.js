// Positions: how a model that sees a set of tokens learns of their order. A scheme adds a
// vector to each embedding, turns queries and keys, or adds a number to each score.

// What is added to the embeddings [pos d_model], or null. The first position is `start`.
export function positionVectors(model, start, length) {
  const { positional_encoding: scheme, d_model: width } = model.config;
  if (scheme === "learned")
    return model.weights.get("position_embedding.weight").values
      .slice(start * width, (start + length) * width);
  if (scheme !== "sinusoidal") return null;
  // PE(pos, 2i) = sin(pos / 10000^(2i / d_model)), PE(pos, 2i + 1) = cos(the same)
  return Float32Array.from({ length: length * width }, (_, place) => {
    const [position, i] = [start + Math.floor(place / width), place % width];
    const angle = position * frequency(10_000, i - (i % 2), width);
    return i % 2 ? Math.cos(angle) : Math.sin(angle);
  });
}

// base^(−2i / width), rounded as the Python model rounds it.
function frequency(base, twice, width) {
  return Math.fround(base ** Math.fround(-twice / width));
}

// RoPE: rotate each pair of numbers of every query or key [pos head d_head], by more at
// later positions. Number i is paired with number i + d / 2; what lies behind the first d
// stays as it is.
export function turned(x, [start, heads, width], speeds) {
  const half = speeds.length;
  const y = x.slice();
  for (let at = 0; at < x.length; at += width) {
    const position = start + Math.floor(at / (heads * width));
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * speeds[i]);
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const [first, second] = [x[at + i], x[at + half + i]];
      y[at + i] = first * cos - second * sin;
      y[at + half + i] = second * cos + first * sin;
    }
  }
  return y;
}

// How far each pair turns from one position to the next, in radians. A model that was
// stretched to longer texts turns all of its pairs slower, or those that turn rarely in the
// length it was trained on. Layers with a window may have a base of their own.
export function ropeSpeeds(config, layer) {
  const isLocal = config.rope_local_base !== null && config.windows[layer] !== null;
  const base = isLocal ? config.rope_local_base : config.rope_base;
  const factor = isLocal ? 1 : config.rope_factor;
  const { rope_trained_length: trained } = config;
  const width = config.rope_dim ?? config.d_head - (config.d_head % 2);
  return Float32Array.from({ length: width / 2 }, (_, i) => {
    const speed = frequency(base, 2 * i, width);
    if (trained === null) return speed / factor;
    const { rope_slow_turns: slow, rope_fast_turns: fast } = config;
    const turns = (trained * speed) / (2 * Math.PI);
    let share = (turns - slow) / (fast - slow);
    if (config.rope_ramp === "pairs") {
      const [first, last] = yarnPairs(config, base, width);
      share = (last - i) / (last - first);
    }
    share = Math.min(1, Math.max(0, share));
    return speed * (share + (1 - share) / factor);
  });
}

// YaRN: the last pair that keeps its speed, and the first that is slowed wholly.
function yarnPairs(config, base, width) {
  const pair = (turns) => (width * Math.log(config.rope_trained_length / (2 * Math.PI * turns)))
    / (2 * Math.log(base));
  const first = Math.max(Math.floor(pair(config.rope_fast_turns)), 0);
  const last = Math.min(Math.ceil(pair(config.rope_slow_turns)), width - 1);
  return [first, last > first ? last : first + 0.001];
}

// A function of head and distance that gives what is added to a score, or null.
export function scoreBias(model, prefix) {
  const { positional_encoding: scheme, num_heads: heads } = model.config;
  if (scheme === "alibi")
    return (head, distance) => -(2 ** ((-8 * (head + 1)) / heads)) * distance;
  if (scheme !== "relative") return null;
  const table = model.weights.get(`${prefix}.position_bias.bias_table`);
  const columns = table.shape[1];
  const gain = model.config.relative_gain;
  return (head, distance) => (Array.isArray(gain) ? gain[head] : gain)
    * table.values[head * columns + Math.min(distance, columns - 1)];
}
