// A sentence's bytes, and the merges that join them: at each step one pair glides together
// wherever it stands.

const STEP_MS = 1300; // How long Play rests at a step.
const GLIDE_MS = 380;
const REST_MS = 500; // A step on which the reader stays this long is remembered.

export default function mergeMotion({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".merge_motion");
  const parts = root.parts ??= prepareMotion(root);
  const text = JSON.stringify(data.labels);
  const state = root.state ??= { stage: data.step, playing: false, boxes: new Map() };
  const isNew = root.text !== text;
  if (isNew || (data.step !== root.given && data.step !== root.sent)) {
    Object.assign(state, { stage: data.step, playing: false });
  }
  if (isNew) state.boxes = new Map();
  Object.assign(root, { text, given: data.step });
  const last = data.steps.length;
  clearTimeout(root.timer);
  const { go, stop } = stepThrough(parts, last + 1, state, update);
  update();

  function update() {
    drawRow(parts.row, data, state);
    say(parts.caption, ...sentenceAt(data, state.stage));
    if (state.stage === last) state.playing = false;
    parts.play.disabled = state.stage === last;
    parts.play.textContent = state.playing ? "❚❚ Pause" : "▶▶ Play";
    parts.play.setAttribute("aria-pressed", state.playing);
    clearTimeout(root.timer);
    if (state.playing) root.timer = setTimeout(() => go(state.stage + 1), STEP_MS);
    else if (state.stage !== root.given) root.timer = setTimeout(remember, REST_MS);
  }
  function remember() {
    root.sent = state.stage;
    setTriggerValue("reached", { value: state.stage });
  }
  parts.play.onclick = () => {
    state.playing = !state.playing;
    if (state.playing) go(state.stage + 1);
    else update();
  };
  // Whoever steps by hand has stopped playing.
  parts.next.onpointerdown = parts.back.onpointerdown = () => { state.playing = false; };
  return () => { stop(); clearTimeout(root.timer); };
}

function prepareMotion(root) {
  const { back, next, caption } = buildStepper(root);
  const play = element("button", "play");
  next.after(play);
  const row = element("div", "pieces", root);
  row.setAttribute("role", "list");
  row.setAttribute("aria-label", "The text's pieces");
  return { back, next, play, caption, row };
}

// Which nodes stand in the row after some steps, and from where each of them came.
function rowAfter(data, stage) {
  let row = Array.from({ length: data.bytes }, (_, place) => place);
  for (const { joins } of data.steps.slice(0, stage)) row = joined(row, joins);
  return row;
}

function joined(row, joins) {
  const made = new Map(joins.map(([left, right, node]) => [left, { right, node }]));
  const gone = new Set(joins.map(([, right]) => right));
  return row.filter((node) => !gone.has(node)).map((node) => made.get(node)?.node ?? node);
}

function drawRow(row, data, state) {
  const nodes = rowAfter(data, state.stage);
  const before = new Map([...state.boxes].map(([node, box]) => [node, placeOf(box)]));
  const upcoming = new Set((data.steps[state.stage]?.joins ?? [])
    .flatMap(([left, right]) => [left, right]));
  const fresh = new Map((data.steps[state.stage - 1]?.joins ?? [])
    .map(([left, right, node]) => [node, [left, right]]));
  const boxes = new Map(nodes.map((node) => [node, state.boxes.get(node) ??
    pieceBox(data.labels, node, fresh.get(node))]));
  for (const [node, box] of boxes) {
    box.className = ["piece", upcoming.has(node) ? "next" : "",
      fresh.has(node) ? "made" : ""].join(" ").trim();
  }
  row.replaceChildren(...boxes.values());
  state.boxes = boxes;
  if (!before.size || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const [node, box] of boxes) glide(box, before, node, fresh.get(node));
}

function pieceBox(labels, node, parts) {
  const box = element("span", "piece");
  box.setAttribute("role", "listitem");
  for (const part of parts ?? [node]) element("span", "part", box, labels[part]);
  box.style.setProperty("--hue", hueOf(node));
  return box;
}

const placeOf = (box) => ({ x: box.offsetLeft, y: box.offsetTop, width: box.offsetWidth });

// A piece that was there glides to its new place. One just made shows its two parts
// coming from where they stood.
function glide(box, before, node, parts) {
  const timing = { duration: GLIDE_MS, easing: "ease-in-out" };
  const now = placeOf(box);
  const from = (was, x) => [{ transform: `translate(${was.x - x}px, ${was.y - now.y}px)` },
    { transform: "none" }];
  const was = before.get(node);
  if (was && (was.x !== now.x || was.y !== now.y)) box.animate(from(was, now.x), timing);
  if (was || !parts?.every((part) => before.has(part))) return;
  let x = now.x;
  for (const [place, part] of parts.entries()) {
    const label = box.children[place];
    label.animate(from(before.get(part), x), timing);
    x += label.offsetWidth;
  }
}

function sentenceAt(data, stage) {
  const last = data.steps.length;
  const count = rowAfter(data, stage).length;
  const pieces = `${count} piece${count === 1 ? "" : "s"}`;
  if (last === 0) return [`${pieces}: no pair in this text was learned.`];
  if (stage === 0) {
    return [`${pieces}, one for each byte. The first merge to find its pair is number `,
      { strong: numberOf(data.steps[0]) }, "."];
  }
  const { joins } = data.steps[stage - 1];
  const [left, right, made] = joins[0].map((node) => data.labels[node]);
  const end = stage === last ? `These ${pieces} are the tokens.` : `${pieces} now.`;
  return ["Merge ", { strong: numberOf(data.steps[stage - 1]) }, ": ", { strong: left },
    " + ", { strong: right }, " = ", { strong: made },
    joins.length > 1 ? `, in ${joins.length} places. ` : ". ", end];
}

const numberOf = (step) => (step.rank + 1).toLocaleString("en");
