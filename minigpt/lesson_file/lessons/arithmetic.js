// The arithmetic of one cell of one head: q · k, ÷ √d, the position's bias, the softmax.

import { dot } from "../model/arrays.js";
import { softcapped } from "../model/norm.js";
import { firstRead } from "../model/attention.js";
import { scoreBias } from "../model/positions.js";
import { rowOf, vectorsOf } from "./reading.js";
import { headName } from "./texts.js";

// Every number on the way to one weight. `place`: layer, head, query and key.
export function cellNumbers(model, reading, { layer, head, query, key }) {
  const { d_head: width, num_heads: heads, kv_heads: shared } = model.config;
  const at = `blocks.${layer}.attn`;
  const rotated = reading.hooks.has(`${at}.hook_rot_q`) ? "rot_" : "";
  const q = vectorsOf(reading, `${at}.hook_${rotated}q`, head)[query];
  const k = vectorsOf(reading, `${at}.hook_${rotated}k`, Math.floor((head * shared) / heads))[key];
  const scores = rowOf(reading, `${at}.hook_attn_scores`, head, query);
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  return {
    q, k, width, scores, most, powers,
    raw: dot(q, 0, k, 0, width),
    bias: scoreBias(model, at)?.(head, query - key) ?? null,
    sum: powers.reduce((total, power) => total + power, 0),
    weight: rowOf(reading, `${at}.hook_pattern`, head, query)[key],
  };
}

export function drawArithmetic(root, model, reading, place) {
  const { head, query, key } = place;
  const [reads, isRead] = [query, key].map((position) => reading.pieces[position]);
  root.replaceChildren();
  const title = element("p", "caption", root);
  if (key > query)
    return say(title, { strong: reads }, " may not read ", { strong: isRead },
      ", which comes later: its score is −∞ and its weight 0.");
  if (key < firstRead({ model }, `blocks.${place.layer}`, query))
    return say(title, { strong: reads }, " may not read ", { strong: isRead },
      ", which lies before this layer's window: its score is −∞ and its weight 0.");
  const cell = cellNumbers(model, reading, place);
  say(title, "How ", { strong: reads }, " comes to read ", { strong: isRead }, " with weight ",
    { strong: cell.weight.toFixed(3) }, ` in ${headName([place.layer, head])}:`);
  const products = cell.q.map((value, i) => value * cell.k[i]);
  const limit = largest([cell.q, cell.k]);
  numberTable(root, signedTable(root), [
    { name: `q of ${reads}`, values: cell.q, limit },
    { name: `k of ${isRead}`, values: cell.k, limit },
    { name: "q × k", values: products, adds: true, rest: number, total: `= ${number(cell.raw)}` },
  ]);
  let score = cell.raw / Math.sqrt(cell.width);
  line(root, `q · k ÷ √d = ${number(cell.raw)} ÷ √${cell.width} =`, number(score));
  const cap = model.config.attention_softcap;
  if (cap !== null) {
    const [bent] = softcapped([score], cap);
    line(root, `within ±${number(cap)}: ${number(cap)} · tanh(${number(score)} ÷ ${number(cap)}) =`,
      number(bent));
    score = bent;
  }
  if (cell.bias !== null)
    line(root, `+ bias (${query === key ? "itself" : `${query - key} back`}): ${number(score)} `
      + `${cell.bias < 0 ? "−" : "+"} ${number(Math.abs(cell.bias))} =`, number(cell.scores[key]));
  line(root, `softmax: e^(${number(cell.scores[key])} − ${number(cell.most)}) ÷ Σ `
    + `= ${cell.powers[key].toPrecision(3)} ÷ ${cell.sum.toFixed(2)} =`, cell.weight.toFixed(3));
  element("p", "quiet", root, `In Python: cache["blocks.${place.layer}.attn.hook_pattern"]`
    + `[0, ${head}, ${query}, ${key}]`);
}

function line(root, text, result) {
  const made = element("p", "equation", root);
  element("span", "", made, text);
  element("strong", "", made, result);
}
