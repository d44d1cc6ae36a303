// Beam search: the tree of the texts that were considered, beside what greedy writes.

import { beamSearch } from "../generation/beam.js";
import { mount } from "./mounting.js";
import { predict } from "./prediction.js";
import { displayPiece, lastWords } from "./texts.js";

const SHOWN_PIECES = 8; // Of the prompt, before a path.

export function beamLesson(panel, lesson) {
  const question = element("div", "", panel);
  const body = element("div", "", panel);
  body.hidden = true;
  const longest = Math.min(8, lesson.model.config.max_seq_len);
  const state = { width: 3, steps: Math.min(5, longest) };
  const controls = element("div", "controls", body);
  chooseCount(controls, "Width", [1, 6], state.width, (value) => { state.width = value; draw(); });
  chooseCount(controls, "Tokens", [1, longest], state.steps,
    (value) => { state.steps = value; draw(); });
  const tree = mount(element("div", "stages", body), "beam_tree");
  let reading = null;

  function draw() {
    tree(treeData(lesson, reading, searched(lesson, reading, state)));
  }
  return { show(next) {
    reading = next;
    if (!question.childElementCount) ask(question, lesson, reading, state, () => {
      body.hidden = false;
      draw();
    });
    if (!body.hidden) draw();
  } };
}

function chooseCount(place, name, [min, max], value, tell) {
  const label = element("label", "slider", place);
  element("span", "", label, name);
  const input = element("input", "", label);
  Object.assign(input, { type: "range", min, max, step: 1 });
  input.value = value;
  const shown = element("output", "", label, String(value));
  input.oninput = () => {
    shown.textContent = input.value;
    tell(Number(input.value));
  };
}

// The search, and greedy's text in its tree: a search of width 1. Where greedy was pruned, its
// way on stands beside the tree.
export function searched({ model, settings }, reading, { width, steps }) {
  const room = Math.max(1, model.config.max_seq_len - steps);
  const prompt = reading.tokens.slice(-room);
  const options = { steps, eos: settings.eos };
  const { nodes, returned } = beamSearch(model, prompt, { width, ...options });
  const found = beamSearch(model, prompt, { width: 1, ...options });
  const greedy = pathTo(found.nodes, found.returned[0]);
  let parent = -1;
  const path = greedy.map((own) => {
    const known = nodes.findIndex((node) => node.parent === parent && node.token === own.token);
    const unseen = { ...own, parent, rank: -1, status: "unseen", returned: null,
      reason: "the search never came here" };
    parent = known >= 0 ? known : nodes.push(unseen) - 1;
    return parent;
  });
  return { nodes, returned, greedy: { path, cumulative: greedy.at(-1).cumulative },
    best: nodes[returned[0]], width, steps };
}

function pathTo(nodes, place) {
  const path = [];
  for (let at = place; at >= 0; at = nodes[at].parent) path.unshift(nodes[at]);
  return path;
}

function treeData({ model, tokenizer }, reading, found) {
  const { nodes, greedy, returned } = found;
  const lowest = Math.max(...nodes.map(({ rank }) => rank));
  const pieces = reading.pieces.slice(-SHOWN_PIECES);
  return {
    nodes: nodes.map((node) => ({ ...node, piece: displayPiece(tokenizer.piece(node.token)),
      row: node.rank < 0 ? lowest + 1 : node.rank, logProb: nats(node.logProb),
      share: Math.exp(node.logProb), sum: nats(node.cumulative), score: nats(node.score) })),
    rows: lowest + 1 + Number(nodes.some(({ rank }) => rank < 0)),
    prompt: pieces,
    shortened: pieces.length < reading.pieces.length,
    search: reading.pieces.join("\0"),
    captions: captions(found, model.config.vocab_size),
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
    const fates = [[count("kept"), "go on"], [count("finished"), "finish"]]
      .filter(([number]) => number).map(([number, words]) => `${number} ${words}`);
    return `${texts} text${texts > 1 ? "s" : ""} × ${size.toLocaleString("en")} tokens. Of the best `
      + `${level.length} candidates, ${fates.join(" and ") || "none goes on"}.`;
  });
  lines[last - 1] += ` ${ending(found)}`;
  return lines;
}

function ending({ best, greedy }) {
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

function ask(place, lesson, reading, state, reveal) {
  const found = searched(lesson, reading, state);
  const finds = found.best.cumulative - found.greedy.cumulative > 1e-6;
  predict(place, {
    ask: [`Greedy takes the likeliest token, ${state.steps} times. A beam search keeps the `
      + `${state.width} best texts at each step. After “`, lastWords(reading.prompt),
      "”, does it find a likelier text than greedy?"],
    options: ["Yes, a likelier one", "No, the same or a worse one"],
    right: finds ? 0 : 1,
    told: [ending(found)],
  }, reveal);
}
