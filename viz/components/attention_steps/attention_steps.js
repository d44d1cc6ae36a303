// One query of one head: a sheet with a column per token and a row per step, which fills
// as the reader steps on. Below it, the bench shows the arithmetic of one column.

export default function attentionSteps({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".attention_steps");
  const head = unpackHead(data);
  const sheet = prepareSheet(root, head);
  const state = root.state ??= { stage: 0, opened: data.opened };
  // A cell that somebody else opened (the tour): its step is the one to look at. When it
  // is closed again, the reader stands where they stood.
  if (String(data.opened) !== String(state.opened)) {
    state.left ??= state.stage;
    state.stage = data.opened
      ? Math.max(0, head.steps.indexOf(data.rowNames[data.opened[0]])) : state.left;
    if (!data.opened) state.left = null;
  }
  Object.assign(state, { hovered: null, dragged: null, opened: data.opened });
  // An edit shows at the softmax: the reader who makes one need not step there first.
  if (head.edited) state.stage = Math.max(state.stage, head.steps.indexOf("pattern"));
  const paint = { signed: signedTable(root), ink: inkTable(root) };

  const column = () =>
    state.hovered ?? state.opened?.[1] ?? strongestOf(head.pattern);
  function update() {
    markSheet(sheet, head, state, column());
    say(sheet.stepper.caption, ...sentence(head, head.steps[state.stage], column(), state));
    drawBench(sheet.bench, head, head.steps[state.stage], column(), { state, paint, drag });
  }
  const { go, stop } = stepThrough(sheet.stepper, head.steps.length, state, update);
  function open(step, key) {
    state.opened = step === null ? null : [data.rowNames.indexOf(step), key];
    state.hovered = null;
    if (step !== null) state.stage = Math.max(state.stage, head.steps.indexOf(step));
    update();
    setTriggerValue("picked", { value: state.opened });
  }
  // While the slider moves only this view knows; when it rests, the model runs.
  function drag(key, weight, rests) {
    state.dragged = { key, weight };
    fillChanged(sheet, head, state, paint);
    markSheet(sheet, head, state, key);
    if (rests) setTriggerValue("weighed", { value: [key, weight] });
  }

  sheet.titles.forEach((title, stage) => { title.onclick = () => go(stage); });
  listenToSheet(sheet, head, {
    hover(key) { state.hovered = key; update(); },
    ask(key) { setTriggerValue("asked", { value: key }); },
    open,
  });
  fillSheet(sheet, head, paint);
  fillChanged(sheet, head, state, paint);
  update();
  showColumn(sheet, column());
  return stop;
}

function unpackHead(data) {
  const floats = (packed) => packed && decodeFloats(packed);
  const vectors = (packed) => packed && inRows(decodeFloats(packed), data.width);
  // What tells one content of the bench from another.
  const version = [data.query, data.raw, data.pattern, data.edited?.pattern, ...data.pieces]
    .join(" ");
  const head = { ...data, version };
  for (const name of ["k", "v", "plainK"]) head[name] = vectors(data[name]);
  for (const name of ["x", "q", "z", "plainQ", "raw", "scaled", "bias", "scores", "pattern"])
    head[name] = floats(data[name]);
  if (data.edited)
    head.edited = Object.fromEntries(
      Object.entries(data.edited).map(([name, packed]) => [name, floats(packed)]));
  head.steps = data.rowNames.filter((name) =>
    (name !== "turned" || data.turned) && (name !== "bias" || data.bias));
  head.limit = largest([head.raw, head.bias ?? [], head.scores]);
  head.keyLimit = largest([...head.k, head.q]);
  head.valueLimit = largest(head.v);
  return head;
}

// Where the cells are, what a pointer and the keys do to them.
function listenToSheet({ table, tokens, grid }, head, { hover, ask, open }) {
  const placeOf = (target) => {
    const cell = target.closest?.("td, th.token");
    const row = grid.findIndex((cells) => cells.includes(cell));
    return row < 0 ? null : [row, grid[row].indexOf(cell)];
  };
  const choose = ([row, key]) => (row ? open(head.steps[row - 1], key) : ask(key));
  table.onmouseover = (event) => hover(placeOf(event.target)?.[1] ?? null);
  table.onmouseleave = () => hover(null);
  table.onclick = (event) => {
    const place = placeOf(event.target);
    if (place) choose(place);
  };
  table.onkeydown = (event) => {
    const place = placeOf(event.target);
    const step = place && arrowStep(event);
    if (step) {
      const row = clamp(place[0] + step[0], 0, grid.length - 1);
      const key = clamp(place[1] + step[1], 0, tokens.length - 1);
      grid.flat().forEach((cell) => { cell.tabIndex = -1; });
      grid[row][key].tabIndex = 0;
      grid[row][key].focus();
      hover(key);
    } else if (place && event.key === "Enter") choose(place);
    else if (event.key === "Escape") open(null);
    else return;
    event.preventDefault();
    event.stopPropagation(); // The page has keys of its own.
  };
}

// The row after an edit: while the slider moves, renormalised here.
function changedRow(head, { dragged }) {
  if (!dragged) return head.edited?.pattern ?? null;
  const base = head.edited?.softmax ?? head.pattern;
  const others = [...base].map((weight, key) => (key === dragged.key ? 0 : weight));
  const rest = others.reduce((sum, weight) => sum + weight, 0);
  if (!rest) return base;
  return others.map((weight, key) => key === dragged.key ? dragged.weight
    : weight * (1 - dragged.weight) / rest);
}

function mayRead(head, key) {
  return Number.isFinite(head.scores[key]);
}

function strongestOf(weights) {
  return weights.indexOf(Math.max(...weights));
}
