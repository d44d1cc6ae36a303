// The table of a logit lens: in each cell the token that is likeliest next.

import { probabilityText } from "./texts.js";

// `rows`: the `name` of each point, and its `cells`, the likeliest `piece` after each of the
// prompt's `pieces` and its `probability`. `choose` hears a row and a column.
export function fillTable(table, pieces, rows, choose) {
  const ink = inkTable(table);
  table.replaceChildren();
  const head = element("tr", "", element("thead", "", table));
  element("th", "", head, "after").scope = "col";
  for (const piece of pieces) element("th", "", head, piece).scope = "col";
  const body = element("tbody", "", table);
  rows.forEach(({ name, cells }, row) => {
    const line = element("tr", "", body);
    element("th", "", line, name).scope = "row";
    cells.forEach(({ piece, probability }, column) => {
      const made = element("button", "", element("td", "", line), piece);
      const colour = ink[Math.round(255 * probability)];
      made.style.background = cssRgb(colour);
      made.style.color = textOn(colour);
      made.dataset.place = `${row} ${column}`;
      made.title = `probability ${probabilityText(probability)}`;
      made.tabIndex = row === rows.length - 1 && column === cells.length - 1 ? 0 : -1;
      made.onclick = () => choose(row, column);
      made.onkeydown = (event) => moveBy(event, table, row, column);
    });
  });
}

// Show which cell is chosen.
export function markCell(table, row, column) {
  for (const cell of table.querySelectorAll("button"))
    cell.setAttribute("aria-pressed", String(cell.dataset.place === `${row} ${column}`));
}

function moveBy(event, table, row, column) {
  const step = arrowStep(event);
  if (!step) return;
  const all = [...table.querySelectorAll("button")];
  const next = all.findIndex(({ dataset }) =>
    dataset.place === `${row + step[0]} ${column + step[1]}`);
  if (next >= 0) moveFocus(all, next);
  event.preventDefault();
}
