// Home, the journey of a token: its stream, and what each part adds on the way.

import { mount } from "./mounting.js";
import { predict } from "./prediction.js";
import { distributions, likeliest } from "./reading.js";
import { displayPiece, lastWords, probabilityText } from "./texts.js";

const MOST_STAGES = 6; // In a deeper model, neighbouring blocks are joined into one stage.
const CHOICES = 5; // Next tokens to append.
const LEAST_WEIGHT = 0.05; // Weaker reads are not drawn.

export function journeyLesson(panel, lesson) {
  const { model, tokenizer } = lesson;
  const question = element("div", "", panel);
  const body = element("div", "", panel);
  body.hidden = true;
  const state = { selected: null };
  let [reading, stages, ends] = [null, null, null];
  const sheet = mount(element("div", "", body), "journey", {
    picked([what, value]) {
      if (what === "append") lesson.write(tokenizer.decode([...tokenizer.encode(reading.prompt), value]));
      else if (what === "token") { state.selected = value; draw(); }
      else openStage(stages[value]);
    },
  });
  function openStage({ kind, layers }) {
    if (kind !== "attention" && kind !== "blocks") return;
    lesson.head = [layers[0], 0];
    lesson.turnTo("head_explorer");
  }
  function draw() {
    const last = reading.tokens.length - 1;
    const best = ends.map((probabilities) => likeliest(probabilities, 1)[0]);
    const next = likeliest(ends[last], CHOICES);
    const named = (token) => displayPiece(tokenizer.piece(token));
    sheet({
      pieces: reading.pieces, stages, width: model.config.d_model, first: 0,
      count: last + 1, selected: Math.min(state.selected ?? last, last), nudges: 0,
      expected: best.map(named),
      likely: best.map((token, position) => probabilityText(ends[position][token])),
      next: next.map((token) => ({ piece: named(token), token, share: ends[last][token],
        text: probabilityText(ends[last][token]) })),
    });
  }
  return { show(given) {
    reading = given;
    stages = stagesOf(model, reading);
    ends = distributions(model, reading, `blocks.${model.config.num_layers - 1}.hook_resid_post`);
    if (!question.childElementCount) ask(question, reading, stages, () => {
      body.hidden = false;
      draw();
    });
    if (!body.hidden) draw();
  } };
}

// The parts in their order: the norm of what each adds to every stream, the stream's norm
// afterwards, and what is read on the way: [query, key, weight], the mean of the heads.
export function stagesOf(model, reading) {
  const { num_layers: layers, embedding_norm: normed } = model.config;
  const embedded = normed ? "ln_embed.hook_normalized" : "hook_embed";
  const first = stage(reading, "embedding", [0, 0], embedded, "blocks.0.hook_resid_pre");
  const size = layers > MOST_STAGES ? Math.ceil(layers / MOST_STAGES) : 1;
  const rest = [];
  for (let layer = 0; layer < layers; layer += size)
    rest.push(...(size === 1 ? stagesOfBlock(reading, layer)
      : [joinedBlocks(reading, layer, Math.min(layer + size, layers) - 1)]));
  return [first, ...rest];
}

function stagesOfBlock(reading, layer) {
  const at = `blocks.${layer}`;
  const hasMlp = reading.hooks.has(`${at}.hook_mlp_out`);
  const after = `${at}.hook_resid_${hasMlp ? "mid" : "post"}`;
  const both = [layer, layer];
  const attention = stage(reading, "attention", both, `${at}.hook_attn_out`, after);
  attention.reads = reads(reading, both);
  return hasMlp ? [attention,
    stage(reading, "MLP", both, `${at}.hook_mlp_out`, `${at}.hook_resid_post`)] : [attention];
}

// Several blocks add what the stream has become minus what it was.
function joinedBlocks(reading, from, to) {
  const names = [`blocks.${to}.hook_resid_post`, `blocks.${from}.hook_resid_pre`];
  const [after, before] = names.map((name) => reading.hooks.get(name));
  const added = { ...after, values: after.values.map((value, i) => value - before.values[i]) };
  return { kind: "blocks", layers: [from, to], addedName: names.join(" − "),
    streamName: names[0], added: norms(added), stream: norms(after),
    reads: reads(reading, [from, to]) };
}

function stage(reading, kind, layers, addedName, streamName) {
  const [added, stream] = [addedName, streamName].map((name) => norms(reading.hooks.get(name)));
  return { kind, layers, addedName, streamName, added, stream, reads: [] };
}

function norms({ values, shape: [length, width] }) {
  return Array.from({ length }, (_, position) =>
    Math.hypot(...values.subarray(position * width, (position + 1) * width)));
}

function reads(reading, [from, to]) {
  const length = reading.tokens.length;
  const mean = new Float64Array(length ** 2);
  for (let layer = from; layer <= to; layer++) {
    const { values } = reading.hooks.get(`blocks.${layer}.attn.hook_pattern`);
    const share = (length ** 2 / values.length) / (to - from + 1);
    values.forEach((weight, i) => { mean[i % mean.length] += weight * share; });
  }
  return Array.from(mean, (weight, cell) => [Math.floor(cell / length), cell % length, weight])
    .filter(([, , weight]) => weight >= LEAST_WEIGHT);
}

function ask(place, reading, stages, reveal) {
  const last = reading.tokens.length - 1;
  const size = ({ added }) => added[last];
  const ranked = [...stages].sort((a, b) => size(b) - size(a));
  const chosen = new Set([0, 1, ranked.length >> 1, ranked.length - 1].map((i) => ranked[i]));
  const options = stages.filter((each) => chosen.has(each));
  predict(place, {
    ask: ["After “", lastWords(reading.prompt), "”, the last token has a stream of numbers, and "
      + "each part adds a vector to it. Which of these vectors is the longest?"],
    options: options.map(nameOfStage),
    right: options.indexOf(ranked[0]),
    told: [{ strong: nameOfStage(ranked[0]) }, ` adds a vector of length ${number(size(ranked[0]))}. `,
      "A stream is only ever added to."],
  }, reveal);
}

function nameOfStage({ kind, layers: [from, to] }) {
  if (kind === "embedding") return "embedding";
  return from === to ? `${kind} ${from}` : `blocks ${from} to ${to}`;
}
