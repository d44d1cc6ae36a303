// Vectors as rows of numbers, dimensions as columns; of wide ones, the first and the last.

const ALL_DIMENSIONS = 8; // Up to so many are printed.
const FIRST = 5;
const LAST = 2;

// Rows: `name` and `values`, shaded up to `limit`; `adds` draws a line above, a sum;
// `rest` prints the sum of the dimensions left out, `total` stands behind the row. With
// `pick`, a row's cells can be chosen: it is called with the dimension.
function numberTable(parent, shades, rows) {
  const made = element("table", "numbers", parent);
  for (const { name, values, limit, adds, rest, total, pick, picked } of rows) {
    const line = element("tr", adds ? "adds" : "", made);
    element("th", "", line, name).scope = "row";
    const shown = shownDimensions(values.length);
    for (const i of shown) {
      if (i === null) {
        element("td", "more quiet", line, rest ? rest(restOf(values, shown))
          : `… ${values.length - FIRST - LAST} more`);
        continue;
      }
      const shade = shades[signedLevel(values[i] / (limit ?? largest([values])))];
      const cell = element("td", "", line, number(values[i]));
      cell.style.background = cssRgb(shade);
      cell.style.color = textOn(shade);
      if (pick) makePickable(cell, `${name}, number ${i}: ${number(values[i])}`,
        picked === i, () => pick(i));
    }
    if (total !== undefined) element("td", "total", line, total);
  }
  return made;
}

function makePickable(cell, label, picked, pick) {
  cell.tabIndex = 0;
  cell.setAttribute("role", "button");
  cell.setAttribute("aria-label", label);
  cell.setAttribute("aria-pressed", String(picked));
  cell.onclick = pick;
  cell.onkeydown = (event) => {
    if (event.key !== "Enter") return;
    pick();
    event.preventDefault();
  };
}

function shownDimensions(count) {
  if (count <= ALL_DIMENSIONS) return Array.from({ length: count }, (_, i) => i);
  const first = Array.from({ length: FIRST }, (_, i) => i);
  return [...first, null, ...Array.from({ length: LAST }, (_, i) => count - LAST + i)];
}

function restOf(values, shown) {
  return values.reduce((sum, value, i) => shown.includes(i) ? sum : sum + value, 0);
}

// The largest size among vectors, infinities aside; a little more than 0.
function largest(vectors) {
  return vectors.reduce((most, vector) => vector.reduce((now, value) =>
    Number.isFinite(value) ? Math.max(now, Math.abs(value)) : now, most), 1e-9);
}

// A place in `signedTable` for a share of the limit, −1 to 1.
function signedLevel(share) {
  return Math.round((clamp(share, -1, 1) + 1) * 127);
}

// Three digits, and a minus sign as long as the plus.
function number(value) {
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  const size = Math.abs(value);
  const text = size.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
  return value < 0 && Number(text) ? `−${text}` : text;
}

function decodeFloats(packed) {
  if (typeof packed !== "string") return packed;
  return new Float32Array(decodeBytes(packed).buffer);
}

function inRows(values, width) {
  return Array.from({ length: values.length / width }, (_, row) =>
    values.subarray(row * width, (row + 1) * width));
}
