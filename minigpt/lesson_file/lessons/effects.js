// What each head is worth to the likeliest next token: it is ablated alone.

import { forward } from "../model/transformer.js";
import { likeliest, nextProbabilities, without } from "./reading.js";
import { shuffled } from "./prediction.js";
import { headName } from "./texts.js";

const REST_MS = 400; // A reader who goes on typing is not kept waiting.

// The likeliest next token, its probability, and by how much each head's ablation changes it
// [layer][head]. Null if `isStale` says, on the way, that nobody waits for it any more.
export async function effectsOfHeads({ model }, reading, isStale) {
  const { num_layers: layers, num_heads: heads } = model.config;
  const probabilities = nextProbabilities(model, reading);
  const [token] = likeliest(probabilities, 1);
  const [changes, after] = [[], []];
  await new Promise((done) => setTimeout(done, REST_MS));
  for (let layer = 0; layer < layers; layer++) {
    changes.push([]);
    after.push([]);
    for (let head = 0; head < heads; head++) {
      await new Promise((done) => setTimeout(done)); // The reader's keys come first.
      if (isStale()) return null;
      const options = { edits: without([[layer, head]]), lastOnly: true };
      const left = nextProbabilities(model, forward(model, reading.tokens, options))[token];
      after[layer].push(left);
      changes[layer].push(Math.abs(left - probabilities[token]));
    }
  }
  return { token, before: probabilities[token], changes, after };
}

// A question with the most important head among others that matter clearly less.
export function hardest({ changes, after }) {
  const places = changes.flatMap((row, layer) => row.map((change, head) =>
    ({ place: [layer, head], change, after: after[layer][head] })));
  places.sort((a, b) => b.change - a.change);
  const [answer, ...rest] = places;
  const others = rest.filter(({ change }) => change < 0.8 * answer.change);
  const chosen = [0, 1 / 3, 2 / 3].map((share) => others[Math.floor(share * others.length)])
    .filter(Boolean);
  const names = shuffled(headName(answer.place), chosen.map(({ place }) => headName(place)), 5);
  const byName = new Map([answer, ...chosen].map(({ place }) => [headName(place), place]));
  return { answer, right: names.right, options: names.options.map((name) => byName.get(name)) };
}
