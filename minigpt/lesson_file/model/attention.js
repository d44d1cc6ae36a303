// Attention: how a token gathers what it needs from the tokens before it.
//
//   head_h = softmax(Q_h K_hᵀ / √d_head + bias_h + mask) V_h
//   out    = [head_1 … head_H] W_O + b_O

import { dot, linear, rowsOf, softmax } from "./arrays.js";
import { norm, softcapped } from "./norm.js";
import { ropeSpeeds, scoreBias, turned } from "./positions.js";

export function attention(run, prefix, x) {
  const { q, k, v } = queriesKeysValues(run, prefix, x);
  const pattern = weights(run, prefix, q, run.all(`${prefix}.k`, k));
  const z = averages(run, prefix, pattern, run.all(`${prefix}.v`, v));
  const [output, bias] = ["weight", "bias"].map((part) => run.weight(`${prefix}.output.${part}`));
  if (!run.wanted.includes("hook_result")) return linear(z, output, bias);
  return sumOfHeads(run, prefix, z, output, bias);
}

function queriesKeysValues(run, prefix, x) {
  const { num_heads: heads, kv_heads: shared, d_head: width } = run.model.config;
  const length = run.tokens.length;
  const all = linear(x, run.weight(`${prefix}.qkv.weight`), run.weight(`${prefix}.qkv.bias`));
  const row = (heads + 2 * shared) * width;
  const part = (from, count) => {
    const own = new Float32Array(length * count * width);
    for (let position = 0; position < length; position++) {
      const start = position * row + from * width;
      own.set(all.subarray(start, start + count * width), position * count * width);
    }
    return own;
  };
  const shapeOf = (count) => [length, count, width];
  let [q, k, v] = [part(0, heads), part(heads, shared), part(heads + shared, shared)];
  if (run.model.config.qk_norm) {
    q = norm(run, `${prefix}.q_norm`, q, shapeOf(heads));
    k = norm(run, `${prefix}.k_norm`, k, shapeOf(shared));
  }
  const own = run.weight(`${prefix}.value_embedding.weight`);
  if (own) {
    const vectors = rowsOf(own, run.tokens);
    run.hook(`${prefix}.hook_value_embed`, vectors, shapeOf(shared));
    v = v.map((value, i) => value + vectors[i]);
  }
  q = run.hook(`${prefix}.hook_q`, q, shapeOf(heads));
  k = run.hook(`${prefix}.hook_k`, k, shapeOf(shared));
  v = run.hook(`${prefix}.hook_v`, v, shapeOf(shared));
  if (run.model.config.positional_encoding === "rope") {
    const speeds = ropeSpeeds(run.model.config, layerOf(prefix));
    q = run.hook(`${prefix}.hook_rot_q`, turned(q, [run.start, heads, width], speeds), shapeOf(heads));
    k = run.hook(`${prefix}.hook_rot_k`, turned(k, [run.start, shared, width], speeds), shapeOf(shared));
  }
  return { q, k, v };
}

function layerOf(prefix) {
  return Number(prefix.split(".")[1]);
}

// The first position that a query may read: in a layer with a window, not all of them.
export function firstRead({ model }, prefix, query) {
  const window = model.config.windows[layerOf(prefix)];
  return window === null ? 0 : Math.max(0, query + 1 - window);
}

// Scores, mask and softmax: one row of weights for each head and each query. The last query
// stands at the last key.
function weights(run, prefix, q, k) {
  const { num_heads: heads, kv_heads: shared, d_head: width, attention_softcap: cap }
    = run.model.config;
  const [queries, keys] = [run.tokens.length, run.start + run.tokens.length];
  const bias = scoreBias(run.model, prefix);
  const scores = new Float32Array(heads * queries * keys).fill(-Infinity);
  for (let head = 0; head < heads; head++) {
    const group = Math.floor((head * shared) / heads);
    for (let query = 0; query < queries; query++)
      for (let key = firstRead(run, prefix, run.start + query); key <= run.start + query; key++) {
        const product = dot(q, (query * heads + head) * width,
          k, (key * shared + group) * width, width);
        const [score] = softcapped([product / Math.sqrt(width)], cap);
        scores[(head * queries + query) * keys + key] = score
          + (bias ? bias(head, run.start + query - key) : 0);
      }
  }
  const shape = [heads, queries, keys];
  run.hook(`${prefix}.hook_attn_scores`, scores, shape);
  const pattern = new Float32Array(scores.length);
  for (let row = 0; row < heads * queries; row++)
    pattern.set(softmax(scores.subarray(row * keys, (row + 1) * keys)), row * keys);
  return run.hook(`${prefix}.hook_pattern`, pattern, shape);
}

// z = Σ weight · v, for each query and head. A weight on a later token is 0, unless
// somebody has changed it.
function averages(run, prefix, pattern, v) {
  const { num_heads: heads, kv_heads: shared, d_head: width } = run.model.config;
  const [queries, keys] = [run.tokens.length, run.start + run.tokens.length];
  const z = new Float32Array(queries * heads * width);
  for (let head = 0; head < heads; head++) {
    const group = Math.floor((head * shared) / heads);
    for (let query = 0; query < queries; query++) {
      const sum = new Float64Array(width);
      for (let key = 0; key < keys; key++) {
        const weight = pattern[(head * queries + query) * keys + key];
        if (weight === 0) continue;
        const from = (key * shared + group) * width;
        for (let i = 0; i < width; i++) sum[i] += weight * v[from + i];
      }
      z.set(sum, (query * heads + head) * width);
    }
  }
  return run.hook(`${prefix}.hook_z`, z, [queries, heads, width]);
}

// What each head alone writes into the residual stream, and their sum.
function sumOfHeads(run, prefix, z, output, bias) {
  const { num_heads: heads, d_head: width, d_model: model } = run.model.config;
  const length = run.tokens.length;
  const result = new Float32Array(length * heads * model);
  for (let place = 0; place < length * heads; place++)
    for (let o = 0; o < model; o++)
      result[place * model + o] = dot(z, place * width,
        output.values, o * heads * width + (place % heads) * width, width);
  run.hook(`${prefix}.hook_result`, result, [length, heads, model]);
  return Float32Array.from({ length: length * model }, (_, place) => {
    let sum = bias ? bias.values[place % model] : 0;
    for (let head = 0; head < heads; head++)
      sum += result[(Math.floor(place / model) * heads + head) * model + (place % model)];
    return sum;
  });
}
