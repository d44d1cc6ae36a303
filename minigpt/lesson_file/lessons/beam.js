// Beam search: the tree of the texts that were considered, beside what greedy writes.

import { beamSearch } from "../generation/beam.js";
import { ending, pathTo, treeData } from "./beam_data.js";
import { mount } from "./mounting.js";
import { predict } from "./prediction.js";
import { lastWords } from "./texts.js";

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
    const size = lesson.model.config.vocab_size;
    tree(treeData(lesson.tokenizer, size, reading.pieces, searched(lesson, reading, state)));
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
