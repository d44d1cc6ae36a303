// A text as bounded pieces. One colour is one token id, so that twins are seen at once.

export default function tokenPieces({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".token_pieces");
  root.parts ??= preparePieces(root);
  const { caption, list } = root.parts;
  const state = { selected: data.selected, hovered: null };
  const focused = focusedOption(list);
  const spans = data.pieces.map((piece, place) => makePiece(data, piece, place));
  list.classList.toggle("numbered", data.showIds);
  list.replaceChildren(...spans.flatMap((span, place) =>
    data.breaks[place] ? [span, document.createElement("br")] : [span]));

  function update() {
    const place = state.hovered ?? state.selected;
    spans.forEach((span, i) => {
      span.setAttribute("aria-selected", i === state.selected);
      span.classList.toggle("twin", place !== null && data.ids[i] === data.ids[place]);
    });
    describePiece(caption, data, place);
  }
  chooseAmong(spans, state, update, (value) => setTriggerValue("picked", { value }));
  const entry = state.selected ?? 0;
  placeKeyboard(spans, focused, entry);
  update();
}

// Build the elements once; the function above runs again on every change of data or theme.
function preparePieces(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const list = element("div", "pieces", root);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Tokens. Arrow keys move, Enter selects, Escape clears.");
  return { caption, list };
}

function makePiece(data, piece, place) {
  const span = element("span", "piece", null, piece);
  span.style.setProperty("--hue", hueOf(data.ids[place]));
  span.dataset.id = data.ids[place];
  span.setAttribute("role", "option");
  span.tabIndex = -1;
  return span;
}

function describePiece(caption, data, place) {
  const count = data.pieces.length;
  if (place === null) return say(caption, `${count} token${count === 1 ? "" : "s"}`);
  const twins = data.ids.filter((id) => id === data.ids[place]).length;
  say(caption, { strong: data.pieces[place] }, ` · id ${data.ids[place]} · position ${place}`,
    twins > 1 ? ` · ${twins} times here` : "");
}
