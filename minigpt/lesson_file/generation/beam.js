// Beam search: several texts at once, and the best whole one in the end. The rules are those
// of `minigpt/generation/beam/search.py`.
//
//   cumulative    log p(text) = Σ ln p(token | tokens before)
//   score         cumulative / length

import { Cache } from "../model/cache.js";
import { forward } from "../model/transformer.js";

const REASONS = {
  kept: "among the best that go on",
  pruned: "others were better",
  ended: "ends with the end-of-text token",
  tooLow: "ends, but ranked below the number of beams",
  fullLength: "has as many tokens as allowed",
};
const OUTCOMES = { kept: "kept", ended: "finished", fullLength: "finished",
  pruned: "pruned", tooLow: "pruned" };

// Search for the likeliest continuation of `prompt`, with `width` texts at once and `steps`
// tokens at most. Returns every candidate that was considered, in `nodes`, parents first,
// and the places of the finished texts among them, the best first, in `returned`.
export function beamSearch(model, prompt, { width, steps, eos = null }) {
  const [nodes, finished] = [[], []];
  let running = [{ place: -1, tokens: prompt, cumulative: 0, cache: new Cache() }];
  for (let step = 1; step <= steps && running.length; step++) {
    const level = consider(model, running, width);
    let goOn = 0;
    level.forEach((node, rank) => {
      const fate = judge(node, rank, { width, eos, isLast: step === steps, goOn });
      if (node.token !== eos) goOn++;
      Object.assign(node, { step, rank, fate, status: OUTCOMES[fate], reason: REASONS[fate],
        score: node.cumulative / step, place: nodes.length });
      nodes.push(node);
      if (node.status === "finished") finished.push(node);
    });
    finished.sort((a, b) => b.score - a.score || a.place - b.place).splice(width);
    const kept = level.filter(({ fate }) => fate === "kept");
    if (isOver(kept, finished, width)) break;
    running = kept.map((node) => ({ ...node, tokens: [...node.text.tokens, node.token],
      cache: node.text.cache.copy() }));
  }
  const returned = finished.map(({ place }) => place);
  returned.forEach((place, number) => { nodes[place].returned = number; });
  return { nodes: nodes.map(({ text, ...node }) => ({ ...node, parent: text.place })), returned };
}

// The best continuations of all running texts together: twice as many as go on, so that
// enough remain even if the others all end here.
function consider(model, running, width) {
  const all = running.flatMap((text) => {
    const unread = text.tokens.slice(text.cache.length);
    const { logits } = forward(model, unread, { lastOnly: true, cache: text.cache });
    const most = logits.reduce((a, b) => Math.max(a, b));
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
    return Array.from(logits, (logit, token) => {
      const logProb = logit - most - Math.log(sum);
      return { text, token, logProb, cumulative: text.cumulative + logProb, returned: null };
    });
  });
  return all.sort((a, b) => b.cumulative - a.cumulative).slice(0, 2 * width);
}

function judge({ token }, rank, { width, eos, isLast, goOn }) {
  const isAmongFirst = rank < width;
  if (token === eos) return isAmongFirst ? "ended" : "tooLow";
  if (isLast) return isAmongFirst ? "fullLength" : "pruned";
  return goOn < width ? "kept" : "pruned";
}

// Whether nothing can go on, or nothing better than what has finished is expected.
function isOver(kept, finished, width) {
  if (!kept.length) return true;
  if (finished.length < width) return false;
  return width === 1 || kept[0].score <= finished.at(-1).score;
}
