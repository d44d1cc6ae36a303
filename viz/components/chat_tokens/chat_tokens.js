// A conversation as bounded pieces, a line for each turn. Colours say who speaks; where
// there are weights, a piece is as dark as its weight instead.

const SPEAKER_NAMES = {
  user: "user", assistant: "answer", system: "system", template: "who speaks", end: "the end",
};

export default function chatTokens({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".chat_tokens");
  root.parts ??= prepareTokens(root);
  const { caption, list, legend } = root.parts;
  const state = { selected: data.selected, hovered: null };
  const focused = focusedOption(list);
  const ink = inkTable(root);
  const spans = data.pieces.map((_, place) => tokenPiece(data, ink, place));
  list.replaceChildren(...spans.flatMap((span, place) => withBreaks(data, span, place)));
  list.classList.toggle("weighted", data.levels !== null);
  paintTokenLegend(legend, data, ink);

  function update() {
    spans.forEach((span, place) =>
      span.setAttribute("aria-selected", place === state.selected));
    const place = state.hovered;
    if (place === null) say(caption, data.rest);
    else say(caption, { strong: data.pieces[place] },
      ` · position ${place} · ${data.sentences[place]}`);
  }
  chooseAmong(spans, state, update, (value) => setTriggerValue("picked", { value }));
  onlyThese(spans, new Set(data.choices));
  const entry = state.selected ?? data.choices[0] ?? 0;
  placeKeyboard(spans, focused, entry);
  update();
  showTheEnd(root, list, data, spans);
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareTokens(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const list = element("div", "tokens", root);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label",
    "The conversation's tokens. Arrow keys move, Enter selects, Escape clears.");
  return { caption, list, legend: element("div", "legend quiet", root) };
}

function tokenPiece(data, ink, place) {
  const span = element("span", `piece ${data.speakers[place]}`, null, data.pieces[place]);
  const level = data.levels?.[place] ?? null;
  if (level !== null) {
    span.style.background = cssRgb(ink[level]);
    span.style.color = textOn(ink[level]);
  }
  span.classList.toggle("absent", data.levels !== null && level === null);
  span.classList.toggle("marked", data.marked.includes(place));
  span.classList.toggle("query", place === data.query);
  span.classList.toggle("choice", data.choices.includes(place));
  span.setAttribute("role", "option");
  span.tabIndex = -1;
  return span;
}

// A turn begins where the template says who speaks; a line of a text ends at its break.
function withBreaks(data, span, place) {
  const begins = place > 0 && data.speakers[place] === "template";
  const parts = begins ? [document.createElement("br"), span] : [span];
  return data.breaks[place] ? [...parts, document.createElement("br")] : parts;
}

// Where not every piece can be chosen, the rest can still be pointed at.
function onlyThese(spans, choices) {
  spans.forEach((span, place) => {
    if (choices.has(place)) return;
    const move = span.onkeydown;
    span.onclick = () => moveFocus(spans, place);
    span.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") move(event);
    };
  });
}

function paintTokenLegend(legend, data, ink) {
  legend.replaceChildren();
  if (data.levels) {
    element("span", "", legend, "weight 0");
    element("span", "ramp", legend).style.background =
      `linear-gradient(90deg, ${ink.map(cssRgb).join(",")})`;
    element("span", "", legend, "1");
    if (data.query !== null) legendItem(legend, "query", "reads");
    if (data.marked.length) legendItem(legend, "marked", "the words that matter");
    return;
  }
  for (const [speaker, name] of Object.entries(SPEAKER_NAMES))
    if (data.speakers.includes(speaker)) legendItem(legend, speaker, name);
}

function legendItem(legend, kind, name) {
  element("span", `piece sample ${kind}`, legend, name);
}

// The answer is at the end: scroll the text, never the page, when there is a new one.
function showTheEnd(root, list, data, spans) {
  const shown = `${data.pieces.length} ${data.selected}`;
  if (root.shown === shown) return;
  root.shown = shown;
  const wanted = spans[data.selected ?? spans.length - 1];
  if (!wanted) return;
  const below = wanted.offsetTop + wanted.offsetHeight - list.offsetTop;
  if (below > list.scrollTop + list.clientHeight || below < list.scrollTop)
    list.scrollTop = below - list.clientHeight + 8;
}
