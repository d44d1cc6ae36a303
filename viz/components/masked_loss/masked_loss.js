// A conversation as the loss sees it: prompts are gray, learned tokens as dark as their
// loss. Hover or focus says a token in words, a click or Enter selects, Esc clears.

export default function maskedLoss({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".masked_loss");
  root.parts ??= prepareConversation(root);
  const { caption, list, legend } = root.parts;
  const state = { selected: null, hovered: null };
  const focused = focusedOption(list);
  const shades = inkTable(root);
  const chips = [];
  list.replaceChildren(...data.turns.map((turn) => turnBlock(data, turn, shades, chips)));
  state.selected = lineOf(chips, data.selected);
  paintScale(legend, data, shades);

  function update() {
    const chosen = chips[state.selected]?.place;
    chips.forEach((chip) => chip.setAttribute("aria-selected", chip.place === chosen));
    describeToken(caption, data, chips[state.hovered ?? state.selected]?.place ?? null);
  }
  chooseAmong(chips, state, update, (entry) =>
    setTriggerValue("picked", { value: entry === null ? null : chips[entry].place }));
  const entry = state.selected ?? lineOf(chips, data.firstLearned) ?? 0;
  placeKeyboard(chips, focused, entry);
  // A long prompt is read from its end, where the question stands.
  list.querySelectorAll(".prompt .line").forEach((line) => { line.scrollTop = line.scrollHeight; });
  update();
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareConversation(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const list = element("div", "conversation", root);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label",
    "A conversation, token by token. Arrow keys move, Enter selects, Escape clears.");
  return { caption, list, legend: element("div", "legend quiet", root) };
}

// One turn: who speaks, and a line of tokens; of an answer, a line per model.
function turnBlock(data, turn, shades, chips) {
  const block = element("div", turn.learned ? "turn answer" : "turn prompt");
  block.setAttribute("role", "presentation");
  const lines = turn.learned ? data.models.map((_, m) => m) : [null];
  lines.forEach((model) => {
    const side = element("span", "side quiet", block);
    side.textContent = model === null ? "" : data.models[model];
    const line = element("span", "line", block);
    line.setAttribute("role", "presentation");
    for (let place = turn.start; place < turn.end; place++) {
      const isLearned = model !== null && data.learned[place];
      chips.push(isLearned ? lossChip(data, shades, model, place, line)
        : readChip(data, place, line));
      if (turn.learned && data.breaks[place]) element("br", "", line);
    }
  });
  return block;
}

function readChip(data, place, line) {
  return chipFor(element("span", "chip read", line, data.pieces[place]), place);
}

function lossChip(data, shades, model, place, line) {
  const chip = element("span", "chip learned", line, data.pieces[place]);
  element("span", "number", chip, data.numbers[model][place]);
  const shade = shades[data.levels[model][place]];
  chip.style.background = cssRgb(shade);
  chip.style.color = textOn(shade);
  return chipFor(chip, place);
}

function chipFor(chip, place) {
  chip.place = place;
  chip.tabIndex = -1;
  chip.setAttribute("role", "option");
  return chip;
}

// Of an answer shown in several lines, the first one's token takes the keyboard.
function lineOf(chips, place) {
  const found = chips.findIndex((chip) => chip.place === place);
  return found < 0 ? null : found;
}

function describeToken(caption, data, place) {
  if (place === null) return say(caption, "Point at a token, or click it to keep it.");
  const numbers = data.models.map((name, model) =>
    ` · ${name} ${data.exact[model][place] ?? "–"} nats`);
  const what = data.learned[place] ? "learned" : "read, not part of the loss";
  say(caption, { strong: data.pieces[place] }, ` · ${what}`, ...numbers);
}

// Painted with the tokens' own shades, so that it stays true.
function paintScale(legend, data, shades) {
  legend.replaceChildren();
  element("span", "chip read", legend, "grey");
  element("span", "", legend, "read, not learned");
  element("span", "gap", legend);
  element("span", "", legend, "loss 0");
  element("span", "ramp", legend).style.background =
    `linear-gradient(90deg, ${shades.filter((_, i) => i % 15 === 0).map(cssRgb).join(",")})`;
  element("span", "", legend, `${data.limit} nats`);
}
