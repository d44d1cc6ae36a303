// A text whose pieces are tinted by a signed number each. Hover or focus says the number in
// words, a click or Enter selects, Esc clears.

export default function tintedText({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tinted_text");
  root.parts ??= prepareText(root);
  const { caption, list, legend } = root.parts;
  const state = { selected: data.selected, hovered: null };
  const focused = focusedOption(list);
  const shades = signedTable(root);
  const spans = data.pieces.map((piece, place) => tintedPiece(data, shades, piece, place));
  list.replaceChildren(...spans.flatMap((span, place) =>
    data.breaks[place] ? [span, document.createElement("br")] : [span]));
  paintLegend(legend, data, shades);

  function update() {
    spans.forEach((span, i) => span.setAttribute("aria-selected", i === state.selected));
    describeTint(caption, data, state.hovered ?? state.selected);
  }
  chooseAmong(spans, state, update, (value) => setTriggerValue("picked", { value }));
  const entry = state.selected ?? 0;
  placeKeyboard(spans, focused, entry);
  update();
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareText(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const list = element("div", "text", root);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Text. Arrow keys move, Enter selects, Escape clears.");
  return { caption, list, legend: element("div", "legend quiet", root) };
}

function tintedPiece(data, shades, piece, place) {
  const level = data.levels[place];
  const span = element("span", level === null ? "piece unknown" : "piece", null, piece);
  if (level !== null) {
    span.style.background = cssRgb(shades[level]);
    span.style.color = textOn(shades[level]);
  }
  span.setAttribute("role", "option");
  span.tabIndex = -1;
  return span;
}

function describeTint(caption, data, place) {
  if (place === null) return say(caption, "Point at a piece, or click it to keep it.");
  const number = data.numbers[place];
  say(caption, { strong: data.pieces[place] },
    number === null ? " · no number here" : ` · ${number} ${data.unit}`,
    data.sentences ? ` · ${data.sentences[place]}` : "");
}

// Painted with the pieces' own shades, so that it stays true.
function paintLegend(legend, data, shades) {
  legend.replaceChildren();
  element("span", "", legend, data.range.vermillion);
  element("span", "ramp", legend).style.background =
    `linear-gradient(90deg, ${shades.map(cssRgb).join(",")})`;
  element("span", "", legend, data.range.blue);
  element("span", "", legend, data.unit);
}
