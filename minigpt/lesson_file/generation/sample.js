// Sampling: one token after the other.
//
//   tokens ─ model ─ logits ─ filters ─ draw ─ next token

import { Cache } from "../model/cache.js";
import { forward } from "../model/transformer.js";
import { filterStages } from "./filters.js";
import { RandomNumbers } from "./random.js";

// Draw the token that follows a text, and keep everything that leads to it: the stages, each
// token's wait (exponential, mean 1) and its arrival, wait ÷ probability. The first to arrive
// is drawn; so each token comes with its probability. Without `random`, the likeliest is taken.
// The tokens are those that the `cache` has not seen.
export function openDraw(model, tokens, { cache, random, ...settings }) {
  const { logits } = forward(model, tokens, { lastOnly: true, cache });
  const stages = filterStages(logits, settings);
  const { probabilities } = stages.at(-1);
  if (!random) return { stages, waits: null, arrivals: null, token: placeOfMost(probabilities) };
  const waits = Float32Array.from(probabilities, () => random.exponential());
  const arrivals = probabilities.map((p, token) => waits[token] / p);
  return { stages, waits, arrivals, token: placeOfMost(arrivals.map((time) => -time)) };
}

// Continue a text. `settings` may hold a `seed`; without one, the likeliest token is taken.
export function continued(model, prompt, count, settings = {}) {
  const random = settings.seed === undefined ? null : new RandomNumbers(settings.seed);
  const tokens = [...prompt];
  const window = new Window(model, prompt.length);
  while (tokens.length < prompt.length + count) {
    const unread = window.unread(tokens);
    tokens.push(openDraw(model, unread, { ...settings, random, cache: window.cache }).token);
  }
  return tokens.slice(prompt.length);
}

// Feeds a growing text to a model, each token once.
export class Window {
  constructor(model, promptLength) {
    Object.assign(this, { model, promptLength, cache: new Cache(), read: [] });
  }

  // The tokens that the cache lacks. It keeps what the text has in common with the one
  // before, if the model still sees that, and the last token is always read again.
  unread(tokens) {
    const start = firstSeen(this.model, this.promptLength, tokens.length);
    const seen = tokens.slice(start);
    let same = 0;
    while (same < seen.length - 1 && seen[same] === this.read[same]) same++;
    this.cache.truncate(start === this.start ? same : 0);
    Object.assign(this, { start, read: seen });
    return seen.slice(this.cache.length);
  }
}

// Where the part of a growing text begins that the model still sees. When the window is
// full, the last half of it is read again, as if the text began there.
export function firstSeen(model, promptLength, length) {
  const limit = model.config.max_seq_len;
  let start = 0;
  for (let now = promptLength; now <= length; now++)
    if (now - start > limit) start = now - Math.max(1, Math.floor(limit / 2));
  return start;
}

export function placeOfMost(values) {
  let best = 0;
  values.forEach((value, place) => { if (value > values[best]) best = place; });
  return best;
}
