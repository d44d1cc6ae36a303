// A beam search as the view `beam_tree` takes it, and its steps in words.

import { displayPiece } from "./texts.js";

const SHOWN_PIECES = 8; // Of the prompt, before a path.

// `found`: the search's `nodes`, `returned` and `best`, and greedy's text in its tree.
export function treeData(tokenizer, size, allPieces, found) {
  const { nodes, greedy, returned } = found;
  const lowest = Math.max(...nodes.map(({ rank }) => rank));
  const pieces = allPieces.slice(-SHOWN_PIECES);
  return {
    nodes: nodes.map((node) => ({ ...node, piece: displayPiece(tokenizer.piece(node.token)),
      row: node.rank < 0 ? lowest + 1 : node.rank, logProb: nats(node.logProb),
      share: Math.exp(node.logProb), sum: nats(node.cumulative), score: nats(node.score) })),
    rows: lowest + 1 + Number(nodes.some(({ rank }) => rank < 0)),
    prompt: pieces,
    shortened: pieces.length < allPieces.length,
    search: allPieces.join("\0"),
    captions: captions(found, size),
    paths: { greedy: greedy.path,
      best: pathTo(nodes, returned[0]).map((node) => nodes.indexOf(node)) },
    lengthPenalty: "1",
    step: null,
    selected: null,
  };
}

// What was compared at each step, and what became of it.
function captions(found, size) {
  const { nodes } = found;
  const last = Math.max(...nodes.map(({ step }) => step));
  const lines = Array.from({ length: last }, (_, i) => {
    const level = nodes.filter(({ step, rank }) => step === i + 1 && rank >= 0);
    if (!level.length) return "The search is over; only greedy’s text goes on.";
    const texts = i ? nodes.filter(({ step, status }) => step === i && status === "kept").length : 1;
    const count = (status) => level.filter((node) => node.status === status).length;
    const fates = [[count("kept"), "goes on", "go on"], [count("finished"), "finishes", "finish"]]
      .filter(([number]) => number).map(([number, one, many]) => `${number} ${number === 1 ? one : many}`);
    return `${texts} text${texts > 1 ? "s" : ""} × ${size.toLocaleString("en")} tokens. Of the best `
      + `${level.length} candidates, ${fates.join(" and ") || "none goes on"}.`;
  });
  lines[last - 1] += ` ${ending(found)}`;
  return lines;
}

export function ending({ best, greedy }) {
  const gain = best.cumulative - greedy.cumulative;
  const sums = `${nats(best.cumulative)} nats against greedy’s ${nats(greedy.cumulative)}`;
  if (Math.abs(gain) < 1e-6) return `The best text found is greedy’s own, ${nats(best.cumulative)} nats.`;
  if (gain > 0) return `${sums}: the beam’s text is ${Math.exp(gain).toFixed(2)} times as likely.`;
  return `${sums}: the beam pruned a likelier text.`;
}

function nats(value) {
  const text = value.toFixed(2);
  return Number(text) ? text.replace("-", "−") : "0.00";
}

// The nodes from a text's first token to its last.
export function pathTo(nodes, place) {
  const path = [];
  for (let at = place; at >= 0; at = nodes[at].parent) path.unshift(nodes[at]);
  return path;
}
