// A text as coloured pieces, and its ids below. A piece and its id are one thing in two
// places: what is pointed at in one row is marked in both.

export default function pieceLinks({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".piece_links");
  root.parts ??= prepareLinks(root);
  const { caption, text, numbers, more } = root.parts;
  const state = { selected: data.selected, hovered: null };
  const focused = root.getRootNode().activeElement;
  const special = new Set(data.special);
  const rows = [[text, "piece", data.pieces], [numbers, "id", data.ids]].map(
    ([list, className, labels]) => {
      const had = list.contains(focused);
      const spans = labels.map((label, place) =>
        linkedSpan(className, label, data.ids[place], special.has(place)));
      list.replaceChildren(...spans);
      return { spans, had };
    });
  more.textContent = data.hidden ? `… and ${data.hidden.toLocaleString("en")} more` : "";

  function update() {
    const place = state.hovered ?? state.selected;
    for (const { spans } of rows)
      spans.forEach((span, i) => {
        span.setAttribute("aria-selected", i === state.selected);
        span.classList.toggle("linked", i === place);
        span.classList.toggle("twin", place !== null && data.ids[i] === data.ids[place]);
      });
    describeLink(caption, data, place);
  }
  for (const { spans, had } of rows) {
    chooseAmong(spans, state, update, (value) => setTriggerValue("picked", { value }));
    const entry = state.selected ?? 0;
    if (had) moveFocus(spans, entry);
    else if (spans.length) spans[entry].tabIndex = 0;
  }
  state.hovered = null;
  update();
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareLinks(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const keys = "Arrow keys move, Enter locks, Escape clears.";
  const [text, numbers] = [["text", `Pieces. ${keys}`], ["numbers", `Ids. ${keys}`]].map(
    ([className, label]) => {
      const list = element("div", className, root);
      list.setAttribute("role", "listbox");
      list.setAttribute("aria-label", label);
      list.setAttribute("aria-orientation", "horizontal");
      return list;
    });
  return { caption, text, numbers, more: element("p", "more quiet", root) };
}

function linkedSpan(className, label, token, isSpecial) {
  const span = element("span", isSpecial ? `${className} special` : className, null,
    String(label));
  span.style.setProperty("--hue", hueOf(token));
  span.setAttribute("role", "option");
  span.tabIndex = -1;
  return span;
}

function describeLink(caption, data, place) {
  if (place === null) return say(caption, data.summary);
  const twins = data.ids.filter((id) => id === data.ids[place]).length;
  say(caption, { strong: data.pieces[place] }, " is id ", { strong: String(data.ids[place]) },
    ` · ${data.details[place]}`, twins > 1 ? ` · ${twins} times here` : "");
}
