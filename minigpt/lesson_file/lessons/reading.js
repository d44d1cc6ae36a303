// A prompt, read by the model, with some heads ablated.

import { softmax } from "../model/arrays.js";
import { norm } from "../model/norm.js";
import { Run } from "../model/run.js";
import { forward, unembed } from "../model/transformer.js";
import { displayPiece } from "./texts.js";

export const LONGEST = 64; // Tokens: what a screen can show, and a key press can wait for.

// Read as much of the prompt's end as fits. `ablated` lists heads, [layer, head] each.
export function read({ model, tokenizer }, prompt, ablated = []) {
  const all = tokenizer.encode(prompt);
  const tokens = all.slice(-Math.min(LONGEST, model.config.max_seq_len));
  const reading = {
    prompt,
    tokens,
    forgotten: all.length - tokens.length,
    unknown: tokens.filter((token) => tokenizer.special.has(token)).length,
    pieces: tokens.map((token) => displayPiece(tokenizer.piece(token))),
  };
  const options = { edits: without(ablated), lastOnly: true };
  if (tokens.length) Object.assign(reading, forward(model, tokens, options));
  return reading;
}

// The edits that set the output of heads to zero.
export function without(heads) {
  const edits = {};
  for (const layer of new Set(heads.map(([each]) => each))) {
    const gone = new Set(heads.filter(([each]) => each === layer).map(([, head]) => head));
    edits[`blocks.${layer}.attn.hook_z`] = (z, [, count, width]) => {
      for (let i = 0; i < z.length; i++)
        if (gone.has(Math.floor(i / width) % count)) z[i] = 0;
    };
  }
  return edits;
}

// The distribution of the token that follows the last one.
export function nextProbabilities(model, { logits }) {
  return softmax(logits.subarray(-model.config.vocab_size));
}

export function likeliest(probabilities, count) {
  return Array.from(probabilities.keys())
    .sort((a, b) => probabilities[b] - probabilities[a]).slice(0, count);
}

// The distribution that the final norm and the head make of a stream: one for each position.
export function distributions(model, reading, name) {
  const { d_model: width, vocab_size: size } = model.config;
  const { values } = reading.hooks.get(name);
  const run = new Run(model, reading.tokens);
  const logits = unembed(model, norm(run, "ln_final", values, [reading.tokens.length, width]));
  return reading.tokens.map((_, position) =>
    softmax(logits.subarray(position * size, (position + 1) * size)));
}

// One head's part of a hook [… pos head d_head …], a vector for each position.
export function vectorsOf(reading, name, head) {
  const { values, shape: [length, heads, width] } = reading.hooks.get(name);
  return Array.from({ length }, (_, position) =>
    values.subarray((position * heads + head) * width, (position * heads + head + 1) * width));
}

// One row of a hook [head q_pos k_pos].
export function rowOf(reading, name, head, query) {
  const { values, shape: [, length] } = reading.hooks.get(name);
  return values.subarray((head * length + query) * length, (head * length + query + 1) * length);
}
