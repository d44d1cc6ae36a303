// One query of one head: a sheet with a column per token and a row per step, which fills
// as the reader steps on. Below it, the bench shows the arithmetic of one column.

export default function attentionSteps({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".attention_steps");
  const head = unpackHead(data);
  const sheet = prepareSheet(root, head);
  // On a projector, rows to come and the legend make room for the arithmetic.
  root.classList.toggle("projected", rem() >= 20);
  const state = root.state ??= { stage: 0, opened: data.opened };
  // A cell that somebody else opened (the tour): its step is the one to look at. When it
  // is closed again, the reader stands where they stood.
  if (String(data.opened) !== String(state.opened)) {
    state.left ??= state.stage;
    state.stage = data.opened
      ? Math.max(0, head.steps.indexOf(data.rowNames[data.opened[0]])) : state.left;
    if (!data.opened) state.left = null;
  }
  Object.assign(state, { hovered: null, opened: data.opened });
  const paint = { signed: signedTable(root), ink: inkTable(root) };

  const column = () =>
    state.hovered ?? state.opened?.[1] ?? strongestOf(head.pattern);
  function update() {
    markSheet(sheet, head, state, column());
    say(sheet.stepper.caption, ...sentence(head, head.steps[state.stage], column(), state));
    drawBench(sheet.bench, head, head.steps[state.stage], column(), { state, paint, drag, divide });
  }
  const { go, stop } = stepThrough(sheet.stepper, head.steps.length, state, update);
  function open(step, key) {
    state.opened = step === null ? null : [data.rowNames.indexOf(step), key];
    state.hovered = null;
    if (step !== null) state.stage = Math.max(state.stage, head.steps.indexOf(step));
    update();
    setTriggerValue("picked", { value: state.opened });
  }
  function redraw() {
    fillSheet(sheet, head, paint);
    markSheet(sheet, head, state, column());
  }
  // While a slider moves only this view knows; when it rests, the model runs.
  function drag(key, weight, rests) {
    setWeight(head, key, weight);
    redraw();
    if (rests) setTriggerValue("weighed", { value: [key, weight] });
  }
  function divide(divisor, rests) {
    divideBy(head, divisor);
    redraw();
    if (rests) setTriggerValue("divided", { value: divisor });
  }

  sheet.titles.forEach((title, stage) => { title.onclick = () => go(stage); });
  listenToSheet(sheet, head, {
    hover(key) { state.hovered = key; update(); },
    ask(key) { setTriggerValue("asked", { value: key }); },
    open,
  });
  fillSheet(sheet, head, paint);
  update();
  showColumn(sheet, head, column());
  return stop;
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
