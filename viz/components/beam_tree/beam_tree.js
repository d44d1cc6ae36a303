// A beam search as a tree. Next, Space, the slider and Play let it grow; a node that is
// pointed at shows its whole text in words and numbers, a click locks it.

const PLAY_MS = 900;
const NODE_LINES = {
  roomy: ["piece · ln p", "sum · score"],
  compact: ["piece · sum"],
}; // What a node says, line by line.

export default function beamTree({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".beam_tree");
  const parts = prepareTree(root);
  const state = keepStage(root, data);
  let drawn = null;

  function update() {
    markNodes(drawn, data, state);
    const step = state.stage + 1;
    parts.slider.value = step;
    parts.place.textContent = `step ${step} of ${data.captions.length}`;
    parts.play.textContent = state.timer ? "❚❚ Pause" : "▶ Play";
    describeTree(parts, data, state);
  }
  const layout = () => {
    drawn = drawTree(parts, root, data);
    parts.samples.replaceChildren(...NODE_LINES[drawn.layout.roomy ? "roomy" : "compact"]
      .map((line) => element("span", "", null, line)));
    drawn.groups.forEach((group, node) => {
      group.onmouseenter = () => point(node);
      group.onmouseleave = () => point(null);
      group.onclick = () => lock(node);
    });
    update();
  };
  function point(node) {
    state.hovered = node;
    update();
  }
  function lock(node) {
    state.selected = node;
    state.hovered = null;
    update();
    setTriggerValue("picked", { value: node });
  }
  layout();
  const { go, stop } = stepThrough(parts.stepper, data.captions.length, state, () => {
    update();
    showStep(parts.stage, drawn, state.stage + 1);
  });
  playSteps(parts, data, state, go, update);
  parts.stage.onkeydown = (event) => {
    const from = state.hovered ?? state.selected;
    const step = arrowStep(event);
    if (step) point(neighbour(data, state, from, step));
    else if (event.key === "Enter" && from !== null) lock(from);
    else if (event.key === "Escape") lock(null);
    else return;
    event.preventDefault();
  };
  parts.stage.onblur = () => point(null);
  const unwatch = followWidth(root, layout);
  return () => {
    stop();
    unwatch();
    pause(state);
  };
}

// The same search with another setting stays where it was, at its end if it was there; a
// new prompt begins anew.
function keepStage(root, data) {
  const steps = data.captions.length;
  const state = root.state ??= { stage: 0, timer: null };
  if (state.search !== data.search) state.stage = 0;
  else if (state.stage === state.steps - 1) state.stage = steps - 1;
  standWhereAsked(state, data.step, (step) => step - 1);
  const stage = clamp(state.stage, 0, steps - 1);
  return Object.assign(state, {
    stage, steps, search: data.search, hovered: null, selected: data.selected,
  });
}

function playSteps(parts, data, state, go, update) {
  const last = data.captions.length - 1;
  parts.slider.max = last + 1;
  parts.slider.oninput = () => { pause(state); go(parts.slider.value - 1); };
  parts.play.disabled = last === 0;
  parts.play.onclick = () => {
    if (state.timer) pause(state);
    else {
      go(state.stage === last ? 0 : state.stage + 1);
      state.timer = setInterval(() => {
        if (state.stage + 1 >= last) pause(state);
        go(state.stage + 1);
      }, PLAY_MS);
    }
    update();
  };
}

function pause(state) {
  clearInterval(state.timer);
  state.timer = null;
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareTree(root) {
  if (root.parts) return root.parts;
  const stepper = buildStepper(root);
  const play = element("button", "", null, "▶ Play");
  const slider = element("input", "steps");
  Object.assign(slider, { type: "range", min: 1, step: 1 });
  slider.setAttribute("aria-label", "Step of the search");
  const place = element("span", "place quiet");
  stepper.next.after(play, slider, place);
  stepper.caption.remove();
  const told = element("div", "told", root);
  told.setAttribute("aria-live", "polite");
  const { stage, caption } = captionedStage(root);
  caption.remove();
  stage.setAttribute("aria-label", "Tree of the search. Arrow keys move from node to " +
    "node, Enter locks one, Escape clears, Space goes on.");
  const svg = svgElement("svg", { "aria-hidden": "true" }, stage);
  const samples = legend(root);
  return root.parts = { stepper, play, slider, place, told, stage, svg, samples };
}

function legend(root) {
  const line = element("div", "legend quiet", root);
  const samples = element("span", "sample", line);
  for (const [name, text] of [
    ["kept", "goes on"], ["pruned", "pruned"], ["finished", "finished, #place"],
    ["greedy", "greedy’s path"], ["best", "best found"], ["exhaustive", "best of all texts"],
  ]) {
    const item = element("span", "entry", line);
    element("span", `mark ${name}`, item, name === "exhaustive" ? "◆" : "");
    element("span", "", item, text);
  }
  return samples;
}

function describeTree({ told }, data, state) {
  const node = state.hovered ?? state.selected;
  const isShown = node !== null && data.nodes[node].step <= state.stage + 1;
  if (isShown) return describePath(told, data, node, state);
  told.replaceChildren(element("p", "caption", null, data.captions[state.stage]));
}

// A whole text: its pieces, each with its ln p, and what they add up to.
function describePath(told, data, node, state) {
  const path = pathTo(data, node);
  const last = data.nodes[node];
  const line = element("div", "path");
  element("span", "before quiet", line, (data.shortened ? "…" : "") + data.prompt.join("\u2009"));
  for (const each of path) {
    const pair = element("span", "pair", line);
    element("strong", "", pair, data.nodes[each].piece);
    element("span", "number", pair, data.nodes[each].logProb);
  }
  const power = data.lengthPenalty === "1" ? "" : `^${data.lengthPenalty}`;
  const place = last.rank < 0 ? "" : `rank ${last.rank + 1} · `;
  const outcome = element("p", "caption outcome");
  say(outcome, "sum ", { strong: last.sum }, ` ÷ ${path.length}${power} = score `,
    { strong: last.score }, ` · ${place}${last.status}: ${last.reason}`,
    node === state.selected ? " · locked, Esc clears" : "");
  told.replaceChildren(line, outcome);
  line.scrollLeft = line.scrollWidth;
}

function pathTo(data, node) {
  const path = [];
  for (let each = node; each >= 0; each = data.nodes[each].parent) path.unshift(each);
  return path;
}

// Up and down among a step's nodes, left to the parent, right to the best child.
function neighbour(data, state, from, [down, right]) {
  const shown = data.nodes.map((_, node) => node)
    .filter((node) => isVisible(data, state, node))
    .sort((one, other) => data.nodes[one].row - data.nodes[other].row);
  if (from === null || !shown.includes(from)) return shown[0];
  const { parent, step } = data.nodes[from];
  if (right > 0) return shown.find((node) => data.nodes[node].parent === from) ?? from;
  if (right < 0) return parent < 0 ? from : parent;
  const column = shown.filter((node) => data.nodes[node].step === step);
  return column[clamp(column.indexOf(from) + down, 0, column.length - 1)];
}
