// Attention, step by step: one query of one head, from q and k to the weighted values.

import { drawBars } from "./bars.js";
import { chooseNumber } from "./chooser.js";
import { mount } from "./mounting.js";
import { likeliest, nextProbabilities, rowOf, vectorsOf } from "./reading.js";
import { dot } from "../model/arrays.js";
import { softcapped } from "../model/norm.js";
import { scoreBias } from "../model/positions.js";
import { forward } from "../model/transformer.js";
import { headName } from "./texts.js";

const ROW_NAMES = ["k", "turned", "raw", "scaled", "bent", "bias", "scores", "pattern", "v"];

export function attentionLesson(panel, lesson) {
  const { model } = lesson;
  const state = { query: null, opened: null, edit: null };
  const chooser = element("div", "chooser", panel);
  const choosers = [["Layer", model.config.num_layers], ["Head", model.config.num_heads]]
    .map(([label, count], axis) => chooseNumber(chooser, label, count, (value) => {
      lesson.head = lesson.head.map((old, place) => (place === axis ? value : old));
      change(null);
    }));
  let reading = null;
  const change = (edit) => { state.edit = edit; draw(); };
  const sheet = mount(element("div", "sheet", panel), "attention_steps", {
    picked(opened) { state.opened = opened; },
    asked(query) { Object.assign(state, { query, opened: null, edit: null }); draw(); },
    weighed([key, weight]) { change({ key, weight }); },
    divided(divisor) { change({ divisor }); },
  });
  const after = element("h3", "", panel);
  const note = element("p", "note", panel);
  const bars = element("div", "", panel);

  function draw() {
    const [layer, head] = lesson.head;
    choosers.forEach((select, axis) => { select.value = lesson.head[axis]; });
    const query = Math.min(state.query ?? Infinity, reading.tokens.length - 1);
    const place = { layer, head, query };
    const steps = stepsOf(model, reading, place);
    const changed = edited(model, reading, { ...place, edit: state.edit }, steps);
    sheet({ ...steps, ...changed.data, pieces: reading.pieces, rowNames: ROW_NAMES,
      opened: state.opened });
    after.textContent = "The next token";
    say(note, state.edit ? `With your change in ${headName(lesson.head)}; `
      + "dashed: as the model is." : "Move a slider, at ÷ √d or at the softmax, and see what "
      + "becomes of the prediction.");
    const before = nextProbabilities(model, reading);
    const now = changed.reading ? nextProbabilities(model, changed.reading) : before;
    const tokens = [...new Set([...likeliest(before, 4), ...likeliest(now, 4)])].slice(0, 6);
    drawBars(bars, tokens, { tokenizer: lesson.tokenizer, after: now,
      before: changed.reading ? before : null });
  }
  return { show(next) {
    if (next.prompt !== reading?.prompt || String(lesson.head) !== state.shown)
      Object.assign(state, { edit: null, opened: null });
    [reading, state.shown] = [next, String(lesson.head)];
    draw();
  } };
}

// Every number of one query's row, in the order of the steps.
export function stepsOf(model, reading, { layer, head, query }) {
  const { d_head: width, num_heads: heads, kv_heads: shared, positional_encoding: scheme,
    attention_softcap: softcap } = model.config;
  const at = `blocks.${layer}.attn`;
  const group = Math.floor((head * shared) / heads);
  const rotated = scheme === "rope" ? "rot_" : "";
  const vectors = (name, place) => vectorsOf(reading, `${at}.hook_${name}`, place);
  const [q, k] = [vectors(`${rotated}q`, head)[query], vectors(`${rotated}k`, group)];
  const raw = Float32Array.from(k, (vector) => dot(q, 0, vector, 0, width));
  const scaled = raw.map((value) => value / Math.sqrt(width));
  const bent = softcapped(scaled, softcap);
  const biasOf = scoreBias(model, at);
  const bias = biasOf && raw.map((_, key) => (key > query ? 0 : biasOf(head, query - key)));
  const x = whatIsRead(model, reading, layer, query);
  return {
    query, width, x, q, raw, scaled, softcap, bias,
    bent: softcap === null ? null : bent,
    turned: scheme === "rope",
    k: flat(k),
    v: flat(vectors("v", group)),
    plainQ: rotated ? vectors("q", head)[query] : null,
    plainK: rotated ? flat(vectors("k", group)) : null,
    biased: bias && bent.map((value, key) => value + bias[key]),
    scores: rowOf(reading, `${at}.hook_attn_scores`, head, query),
    pattern: rowOf(reading, `${at}.hook_pattern`, head, query),
    z: vectors("z", head)[query],
    projection: projection(model, at, head, x),
  };
}

function flat(vectors) {
  return Float32Array.from(vectors.flatMap((vector) => [...vector]));
}

// The normalised stream at one position, after the norm's scale and shift.
function whatIsRead(model, reading, layer, query) {
  const { values, shape: [, width] } = reading.hooks.get(`blocks.${layer}.ln1.hook_normalized`);
  const [scale, shift] = ["weight", "bias"].map((part) =>
    model.weights.get(`blocks.${layer}.ln1.${part}`)?.values);
  return values.slice(query * width, (query + 1) * width).map((value, i) =>
    value * (scale?.[i] ?? 1) + (shift?.[i] ?? 0));
}

// The largest number of the query, as the product of a row of W_Q and x that it is.
function projection(model, at, head, x) {
  const { d_head: width, d_model: inputs } = model.config;
  const { values } = model.weights.get(`${at}.qkv.weight`);
  const biases = model.weights.get(`${at}.qkv.bias`)?.values;
  const made = Array.from({ length: width }, (_, i) => {
    const row = head * width + i;
    const bias = biases?.[row] ?? 0;
    return { dimension: i, bias, value: dot(values, row * inputs, x, 0, inputs) + bias };
  });
  const largestOf = made.reduce((a, b) => (Math.abs(b.value) > Math.abs(a.value) ? b : a));
  const row = head * width + largestOf.dimension;
  return { ...largestOf, row: values.slice(row * inputs, (row + 1) * inputs),
    normalized: model.config.qk_norm };
}

// What the reader changed: the data that the sheet shows of it, and the model's reading.
function edited(model, reading, { layer, head, query, edit }, steps) {
  const plain = { leftOut: [], before: null, divisor: null, weighed: null };
  if (!edit) return { data: plain, reading: null };
  const pattern = edit.divisor ? dividedRow(steps, edit.divisor) : weighedRow(steps, edit);
  const length = reading.tokens.length;
  const edits = { [`blocks.${layer}.attn.hook_pattern`]: (values) =>
    values.set(pattern.weights, (head * length + query) * length) };
  const changed = forward(model, reading.tokens, { edits });
  const z = vectorsOf(changed, `blocks.${layer}.attn.hook_z`, head)[query];
  if (edit.divisor)
    return { reading: changed, data: { ...plain, before: steps.pattern, divisor: edit.divisor,
      scaled: pattern.scaled, bent: steps.bent && pattern.bent, biased: pattern.biased,
      scores: pattern.scores, pattern: pattern.weights, z } };
  return { reading: changed,
    data: { ...plain, weighed: { ...edit, pattern: pattern.weights, z } } };
}

function dividedRow({ raw, bias, scores, softcap }, divisor) {
  const scaled = raw.map((value) => value / divisor);
  const bent = softcapped(scaled, softcap);
  const biased = bias && bent.map((value, key) => value + bias[key]);
  const divided = bent.map((value, key) => Number.isFinite(scores[key])
    ? (biased?.[key] ?? value) : -Infinity);
  const most = Math.max(...divided);
  const powers = divided.map((score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return { scaled, bent, biased, scores: divided, weights: powers.map((power) => power / sum) };
}

// One weight is given; the others share the rest as they shared before.
function weighedRow({ pattern, scores }, { key, weight }) {
  let others = pattern.map((value, place) => (place === key ? 0 : value));
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  if (!total(others))
    others = pattern.map((_, place) => Number(place !== key && Number.isFinite(scores[place])));
  const rest = total(others);
  return { weights: rest ? others.map((value, place) =>
    place === key ? weight : (value * (1 - weight)) / rest) : pattern };
}
