// Every token's road through the model. Space goes from hook to hook; a heading opens its
// page, a token shows its own numbers, a predicted token is appended.

const PLAY_MS = 1100;

export default function journey({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".journey");
  const parts = prepareJourney(root);
  const state = root.journey ??= { at: null, nudges: data.nudges, text: null, timer: null };
  const text = data.pieces.join("\u0000");
  if (state.text !== text) Object.assign(state, { at: null, text });
  state.hovered = null;
  const last = data.stages.length; // the step after the stages is the prediction
  const tell = (what, value) => setTriggerValue("picked", { value: [what, value] });
  const { first, pieces: { length: rows } } = data;
  let drawn = null;

  function update() {
    const { at } = state;
    drawn.layers.forEach((groups, stage) => groups.forEach((group) => {
      group.classList.toggle("later", at !== null && stage > at);
      group.classList.toggle("now", stage === at);
    }));
    describeJourney(parts, data, state, last);
    parts.play.textContent = state.timer ? "❚❚ Pause" : "▶ Play";
  }
  function go(step) {
    state.at = step > last || step < 0 ? null : step;
    if (state.at === null) stop();
    update();
    if (drawn && state.at !== null) showStage(parts.sheet, drawn.layout, state.at);
  }
  const next = () => go(state.at === null ? 0 : state.at + 1);
  const back = () => go(state.at === null ? last : state.at - 1);
  function stop() {
    clearInterval(state.timer);
    state.timer = null;
  }
  parts.next.onclick = () => { stop(); next(); };
  parts.back.onclick = () => { stop(); back(); };
  parts.play.onclick = () => {
    if (state.timer) stop();
    else { state.timer = setInterval(() => state.next(), PLAY_MS); next(); }
    update();
  };
  state.next = next; // A timer that outlives this run of the script calls the newest.
  parts.sheet.onkeydown = (event) => {
    const step = arrowStep(event);
    if (event.target.closest(".station, .choice") && ["Enter", " "].includes(event.key)) return;
    if (event.key === " ") next();
    else if (event.key === "Escape") { stop(); go(-1); }
    else if (step?.[1]) (step[1] > 0 ? next : back)();
    else if (step?.[0]) tell("token", clamp(data.selected + step[0], first, first + rows - 1));
    else return;
    event.preventDefault();
    event.stopPropagation(); // The page has keys of its own.
  };

  const hover = (what) => { state.hovered = what; update(); };
  const layout = () => {
    drawn = drawJourney(parts, root, data, hover, tell);
    update();
  };
  const unwatch = followWidth(root, layout);
  for (; state.nudges < data.nudges; state.nudges += 1) next();
  state.nudges = data.nudges; // After a reload of the server it may be less.
  return () => { unwatch(); if (!root.isConnected) stop(); };
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareJourney(root) {
  if (root.parts) return root.parts;
  const sheet = element("div", "sheet", root);
  sheet.tabIndex = 0;
  sheet.setAttribute("role", "group");
  sheet.setAttribute("aria-label", "Roads of the tokens through the model. Space goes to the " +
    "next hook, up and down to another token, Escape shows everything.");
  const head = svgElement("svg", { class: "head" }, sheet);
  const svg = svgElement("svg", {}, sheet);
  const foot = element("div", "foot", root);
  const caption = element("p", "caption", foot);
  caption.setAttribute("aria-live", "polite");
  const button = (label, title) => {
    const made = element("button", "", foot, label);
    made.type = "button";
    made.title = title;
    return made;
  };
  const back = button("◀", "One hook back");
  const steps = element("span", "steps quiet", foot);
  const next = button("Next ▶", "One hook on: Space");
  const play = button("▶ Play", "Hook by hook");
  return root.parts = { sheet, head, svg, caption, back, steps, next, play };
}

// Keep the stage that is spoken of in sight; never scroll the page.
function showStage(sheet, layout, stage) {
  const [start, end] = [layout.start(stage), layout.start(stage + 1)];
  if (start - layout.left < sheet.scrollLeft) sheet.scrollLeft = start - layout.left;
  sheet.scrollLeft = Math.max(sheet.scrollLeft, end - sheet.clientWidth);
}

function describeJourney(parts, data, state, last) {
  const { at, hovered } = state;
  const stage = hovered?.stage ?? at;
  const row = hovered?.row ?? data.selected - data.first;
  parts.steps.textContent = at === null ? "" : `${at + 1} / ${last + 1}`;
  if (stage === null) return sayOverview(parts, data);
  if (stage === last) return sayEnd(parts.caption, data);
  sayStage(parts.caption, data, stage, row);
}

function sayOverview({ caption, sheet }, data) {
  const [first, last] = [data.first, data.first + data.pieces.length - 1];
  const hidden = data.pieces.length < data.count
    ? ` Shown are tokens ${first} to ${last} of ${data.count}.`
    : sheet.scrollHeight > sheet.clientHeight ? ` All ${data.count} tokens: scroll.` : "";
  say(caption, "Each line is a token's residual stream, thicker where its norm is larger. Parts only ",
    { strong: "add" }, ` to it. Press Space to go hook by hook.${hidden}`);
}

function sayEnd(caption, data) {
  const best = data.next[0];
  say(caption, "Every row ends in a guess at its next token, but only the last one is new: ",
    { strong: best.piece }, ` with probability ${best.text}. `,
    "Click it to append it and run the model again.");
}

function sayStage(caption, data, i, row) {
  const stage = data.stages[i];
  const place = data.first + row;
  const [added, stream] = [stage.added[row], stage.stream[row]].map(shortNumber);
  const piece = { strong: data.pieces[row] };
  const parts = i === 0
    ? [piece, ` becomes ${data.width} numbers; the stream starts with norm ${stream}.`]
    : [`${stageName(stage)}: `, piece, ...readsWords(stage, data, row),
       ` adds ${added}; the stream's norm goes from `,
       `${shortNumber(data.stages[i - 1].stream[row])} to ${stream}.`];
  say(caption, ...parts);
  element("span", "hook quiet", caption,
    `${stage.addedName} [1, ${data.count}, ${data.width}] → ${stage.streamName}, ` +
    `position ${place}`);
}

function readsWords(stage, data, row) {
  if (stage.kind === "MLP") return [" is read alone, and the MLP"];
  const top = stage.reads.filter(([query]) => query === row)
    .sort((one, other) => other[2] - one[2]).slice(0, 2);
  if (!top.length) return [""];
  return [" reads ", ...top.flatMap(([, key, weight], n) =>
    [n ? ", " : "", { strong: data.pieces[key] }, ` ${weight.toFixed(3)}`]),
    " (mean of the heads) and"];
}
