// Filters: how a distribution is bent before a token is drawn from it. A token that is
// removed gets −∞, hence probability 0.
//
//   logits ─ temperature ─ top-k ─ top-p ─ softmax

import { softmax } from "../model/arrays.js";

const COLDEST = 1e-30; // Below this, a division would overflow.

function scaleByTemperature(logits, temperature) {
  return temperature < COLDEST ? keepTopK(logits, 1)
    : logits.map((logit) => logit / temperature);
}

function keepTopK(logits, k) {
  const kth = Float32Array.from(logits).sort().at(-Math.min(k, logits.length));
  return logits.map((logit) => (logit < kth ? -Infinity : logit));
}

// Remove the least likely tokens for as long as what they weigh together is at most 1 − p.
function keepTopP(logits, p) {
  if (p >= 1) return logits;
  const probabilities = softmax(logits);
  const ascending = Array.from(logits.keys()).sort((a, b) => logits[a] - logits[b]);
  const kept = logits.slice();
  let weight = 0;
  for (const token of ascending.slice(0, -1)) {
    weight += probabilities[token];
    if (weight > 1 - p) break;
    kept[token] = -Infinity;
  }
  return kept;
}

// Run the filters and keep what each did: the model's own distribution, then the one after
// each filter that changes anything.
export function filterStages(logits, { temperature = 1, topK = null, topP = null }) {
  const stages = [stage("model", logits, null)];
  const apply = (name, filter, setting) => {
    const before = stages.at(-1);
    stages.push(stage(name, filter(before.logits, setting), before));
  };
  if (temperature !== 1) apply("temperature", scaleByTemperature, temperature);
  if (topK !== null) apply("top_k", keepTopK, topK);
  if (topP !== null) apply("top_p", keepTopP, topP);
  return stages;
}

function stage(name, logits, before) {
  const probabilities = softmax(logits);
  let [kept, removed, entropy] = [0, 0, 0];
  logits.forEach((logit, token) => {
    if (logit === -Infinity) removed += before?.probabilities[token] ?? 0;
    else kept++;
    const p = probabilities[token];
    if (p > 0) entropy -= p * Math.log(p);
  });
  return { name, logits, probabilities, kept, removed, entropy };
}
