// The heads of one layer as lines. Hover a token on either side to see its lines alone, a
// click locks it, Esc clears. A lock on the left (who reads) is told to Python.

// Okabe and Ito's colours that stand out on white and on black.
const HUES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A7FD1"];
const WIDTH_MOST = 620;
const LEAST_LOCKED = 5; // thousandths: below this a line is invisible,
const LEAST_OVERVIEW = 60; // and a tangle when every token's lines are drawn.

export default function headLines({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".head_lines");
  const parts = prepareLines(root);
  const view = { ...data, root, count: data.pieces.length, all: decodeThousandths(data.weights) };
  const asked = data.heads.join();
  // Heads switched on by hand stay on until the page asks for others.
  if (root.asked !== asked) root.shownHeads = new Set(data.heads);
  root.asked = asked;
  view.shown = new Set([...root.shownHeads].filter((head) => head < data.names.length));
  const state = {
    locked: data.selected === null ? null : { side: "query", place: data.selected },
    hovered: null,
  };
  let columns = null;

  const update = () => {
    const focus = state.hovered ?? state.locked;
    drawLines(columns, view, focus);
    light(columns, view, focus);
    describeFocus(parts.caption, view, focus);
  };
  const layout = () => {
    const focused = focusedToken(columns ?? root.columns, parentElement);
    columns = root.columns = buildColumns(parts.svg, view);
    for (const side of ["query", "key"])
      columns[side].forEach((token, place) => listen(token, side, place));
    update();
    if (focused) columns[focused.side][focused.place]?.focus();
  };
  function lock(focus) {
    state.locked = focus;
    state.hovered = null;
    update();
    setTriggerValue("picked", { value: focus?.side === "query" ? focus.place : null });
  }
  function listen(token, side, place) {
    const hover = (focus) => { state.hovered = focus; update(); };
    token.onmouseenter = token.onfocus = () => hover({ side, place });
    token.onmouseleave = token.onblur = () => hover(null);
    token.onclick = () => {
      const same = state.locked?.side === side && state.locked.place === place;
      lock(same ? null : { side, place });
    };
    token.onkeydown = (event) => {
      const step = arrowStep(event);
      if (step?.[0]) moveFocus(columns[side], place + step[0]);
      else if (step) moveFocus(columns[side === "query" ? "key" : "query"], place);
      else if (event.key === "Enter" || event.key === " ") lock({ side, place });
      else if (event.key === "Escape") lock(null);
      else return;
      event.preventDefault();
    };
  }

  function show(heads) {
    root.shownHeads = view.shown = new Set(heads);
    buildSwitches(parts.switches, view, data.heads, show);
    update();
  }
  buildSwitches(parts.switches, view, data.heads, show);
  return followWidth(root, layout);
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareLines(root) {
  root.parts ??= {
    switches: element("div", "heads", root),
    caption: element("p", "caption", root),
    svg: svgElement("svg", { role: "group", "aria-label":
      "Tokens on the left read tokens on the right. Arrow keys move, Enter locks." }, root),
  };
  root.parts.caption.setAttribute("aria-live", "polite");
  return root.parts;
}

// A switch per head, and one for all of them; switched off again, the asked ones stay.
function buildSwitches(bar, view, asked, show) {
  bar.hidden = view.names.length < 2;
  const focused = [...bar.children].indexOf(bar.getRootNode().activeElement);
  const every = view.names.map((_, head) => head);
  const all = view.shown.size === every.length;
  const button = (name, hue, pressed, heads) => {
    const made = element("button", "", null, name);
    made.type = "button";
    made.style.setProperty("--hue", hue);
    made.setAttribute("aria-pressed", pressed);
    made.onclick = () => show(heads);
    return made;
  };
  bar.replaceChildren(
    ...view.names.map((name, head) => {
      const on = view.shown.has(head);
      const heads = on ? every.filter((each) => each !== head && view.shown.has(each))
        : [...view.shown, head];
      return button(name, HUES[head % HUES.length], on, heads);
    }),
    button("all", "var(--st-text-color)", all, all ? asked : every));
  bar.children[focused]?.focus();
}

// Two columns of tokens with room for lines between them.
function buildColumns(svg, { root, pieces, count }) {
  const type = clamp(0.85 * rem(), 11, 24) * (count > 48 ? 0.85 : 1);
  const row = Math.round(type * 1.65);
  const top = Math.round(type * 2);
  const width = Math.min(WIDTH_MOST * (rem() / 16), root.clientWidth || WIDTH_MOST);
  const margin = Math.round(width * 0.3);
  svg.replaceChildren();
  svg.setAttribute("width", width);
  svg.setAttribute("height", top + count * row + 4);
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = fontOf(root, type, { code: true });
  const columns = { row, top, margin, width,
    lines: svgElement("g", { "aria-hidden": true }, svg), query: [], key: [] };
  for (const [side, heading] of [["query", "reads"], ["key", "is read"]]) {
    const left = side === "query";
    const place = { x: left ? margin - 8 : width - margin + 8,
      "text-anchor": left ? "end" : "start" };
    svgElement("text", { ...place, y: type, class: "heading", "font-size": type }, svg, heading);
    pieces.forEach((piece, i) => {
      const y = top + i * row;
      columns[side].push(svgElement("rect", { x: left ? 2 : width - margin, y, rx: 4,
        width: margin - 2, height: row - 1, class: "token", role: "button",
        "aria-label": `${piece}, position ${i}, ${heading}`,
        tabindex: left && i === 0 ? 0 : -1 }, svg));
      svgElement("text", { ...place, y: y + row / 2 + type * 0.33, "font-size": type,
        "font-family": "var(--st-code-font)" }, svg, fitted(measure, piece, margin - 14));
    });
  }
  return columns;
}

// Which token the keyboard is at, so that a redrawing does not throw the reader out.
function focusedToken(columns, parentElement) {
  const active = parentElement.activeElement ?? document.activeElement;
  for (const side of ["query", "key"]) {
    const place = columns ? columns[side].indexOf(active) : -1;
    if (place >= 0) return { side, place };
  }
  return null;
}

function weightAt({ all, count }, head, query, key) {
  const weight = all[(head * count + query) * count + key];
  return weight === MASKED ? 0 : weight;
}

function drawLines({ lines, row, top, margin, width }, view, focus) {
  const made = document.createDocumentFragment();
  const middle = (place) => top + (place + 0.5) * row;
  const least = focus ? LEAST_LOCKED : LEAST_OVERVIEW;
  for (const head of view.shown)
    for (let query = 0; query < view.count; query++) {
      if (focus?.side === "query" && focus.place !== query) continue;
      for (let key = 0; key < view.count; key++) {
        if (focus?.side === "key" && focus.place !== key) continue;
        const weight = weightAt(view, head, query, key);
        if (weight < least) continue;
        svgElement("line", { x1: margin, y1: middle(query), x2: width - margin, y2: middle(key),
          stroke: HUES[head % HUES.length], "stroke-linecap": "round",
          "stroke-width": focus ? 1.5 + (3 * weight) / 1000 : 1.6,
          opacity: Math.max(0.08, weight / 1000) }, made);
      }
    }
  lines.replaceChildren(made);
}

// The mean, over the heads drawn, of the weight between the focused token and another.
function meanWeight(view, focus, other) {
  const heads = [...view.shown];
  const sum = heads.reduce((total, head) => total + (focus.side === "query"
    ? weightAt(view, head, focus.place, other)
    : weightAt(view, head, other, focus.place)), 0);
  return heads.length ? sum / heads.length : 0;
}

function light(columns, view, focus) {
  for (const side of ["query", "key"])
    columns[side].forEach((token, place) => {
      token.style.fillOpacity = !focus ? 0
        : side === focus.side ? (place === focus.place ? 0.38 : 0)
        : 0.5 * (meanWeight(view, focus, place) / 1000);
    });
}

function describeFocus(caption, view, focus) {
  if (!view.shown.size) return say(caption, "Every head is switched off.");
  if (!focus) return say(caption, "Point at a token to see what it reads, or who reads it.");
  const top = view.pieces.map((piece, place) => ({ piece, weight: meanWeight(view, focus, place) }))
    .sort((one, other) => other.weight - one.weight).slice(0, 3)
    .filter(({ weight }) => weight >= 0.5);
  const parts = [{ strong: view.pieces[focus.place] }, focus.side === "query" ? " reads " : " is read by "];
  if (!top.length) parts.push("none");
  top.forEach(({ piece, weight }, i) => parts.push(i ? ", " : "", { strong: piece },
    `${i ? " " : " with weight "}${formatWeight(weight)}`));
  if (view.shown.size > 1) parts.push(` (mean of ${view.shown.size} heads)`);
  say(caption, ...parts);
}
