// The rows of one level: a name, the weight it counts with, and its numbers as cells.

const TALLEST = 26; // Pixels of a row at most, and of all rows together,
const ROOM = 300; // or, where bars stand below them:
const LESS_ROOM = 180;

function drawLevel(parts, root, data, { open, move, state }) {
  drawPath(parts.path, data.path, move);
  parts.caption.textContent = data.words;
  const paint = signedTable(root);
  const height = clamp((data.next.length ? LESS_ROOM : ROOM) / data.rows.length, 12, TALLEST) * rem() / 16;
  const focused = [...parts.rows.children].indexOf(root.getRootNode().activeElement);
  const isWeighted = data.rows.some(({ share }) => share !== null);
  parts.rows.classList.toggle("weighted", isWeighted);
  parts.rows.replaceChildren();
  data.rows.forEach((row, n) => {
    const line = drawRow(parts.rows, row, height, paint, isWeighted);
    line.onmouseenter = () => { state.hovered = n; };
    line.onmouseleave = () => { state.hovered = null; };
    if (!row.opens) return;
    line.tabIndex = 0;
    line.setAttribute("role", "button");
    line.onclick = () => open(n);
    line.onfocus = () => { state.hovered = n; };
    line.onkeypress = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      open(n);
    };
  });
  if (focused >= 0) (parts.rows.children[focused] ?? parts.rows).focus({ preventScroll: true });
  drawNext(parts.next, data.next);
  sayLegend(parts.legend, data.rows);
}

function drawPath(nav, path, move) {
  nav.replaceChildren();
  path.forEach((name, depth) => {
    if (depth) element("span", "quiet", nav, "›");
    if (depth === path.length - 1) {
      element("strong", "", nav, name).setAttribute("aria-current", "step");
      return;
    }
    const button = element("button", "", nav, name);
    button.type = "button";
    button.onclick = () => move(0, depth);
  });
}

function drawRow(parent, row, height, paint, isWeighted) {
  const line = element("div", `row ${row.kind}`, parent);
  const most = parent.clientWidth < 480 ? 11 : 0.9 * rem();
  const size = `${Math.min(most, Math.max(10.5, 0.66 * height))}px`;
  element("span", "name", line, row.name).style.fontSize = size;
  if (isWeighted) {
    const bar = element("span", row.share === null ? "" : "share", line);
    if (row.share !== null) element("span", "weight", bar).style.width = `${100 * row.share}%`;
  }
  const cells = element("span", "cells", line);
  const values = decodeFloats(row.values);
  const limit = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  // The root lets smaller numbers be seen beside one large one.
  const level = (n) => Math.round(127 + 127 * Math.sign(values[n]) *
    Math.sqrt(Math.abs(values[n]) / limit));
  const canvas = paintLevels(values.length, 1, level, paint);
  canvas.style.height = `${height}px`;
  cells.append(canvas);
  const note = element("span", "note", line, row.note);
  note.style.fontSize = size;
  return line;
}

function drawNext(list, next) {
  list.replaceChildren();
  next.forEach(({ piece, share, text }) => {
    const line = element("div", "row", list);
    element("span", "name", line, piece);
    const track = element("span", "track", line);
    element("span", "bar", track).style.width = `${100 * share}%`;
    element("span", "note", line, text);
  });
}

function sayLegend(legend, rows) {
  const wide = rows.find(({ width, values }) => decodeFloats(values).length < width);
  const cut = wide ? ` Shown are the first ${decodeFloats(wide.values).length} numbers of ${wide.width}.` : "";
  const way = rows.some(({ opens }) => opens)
    ? " Click a row to go in; then the wheel zooms too, and Esc goes back." : " Esc goes back.";
  legend.textContent = `Blue is above zero, orange below. Each row has a scale of its own.${cut}${way}`;
}
