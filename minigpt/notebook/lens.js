// What the model would say if it stopped after each part, and one cell's likeliest tokens.

import { drawBars } from "../lesson_file/lessons/bars.js";
import { fillTable, markCell } from "../lesson_file/lessons/lens_table.js";
import { displayPiece } from "../lesson_file/lessons/texts.js";
import { choose, redrawOn, whenSeen } from "./place.js";

export function render({ model, el }) {
  return whenSeen(el, (root) => {
    const { points, pieces, top, probabilities } = model.get("table");
    const shown = pieces.map(displayPiece);
    element("p", "note", root, "Each column reads one more token; each row is one part of the "
      + "model further. A cell names the token that is likeliest next there; more ink, likelier.");
    const table = element("table", "lens", element("div", "scroll", root));
    const title = element("h3", "", root);
    title.setAttribute("aria-live", "polite");
    const bars = element("div", "", root);

    function draw() {
      fillTable(table, shown, points.map((name, row) => ({ name,
        cells: top[row].map((best, column) => ({ piece: displayPiece(best[0]),
          probability: probabilities[row][column][0] })) })),
      (row, column) => choose(model, "place", [row, column]));
      table.parentElement.scrollLeft = table.scrollWidth;
      drawPlace();
    }
    function drawPlace() {
      const [row, column] = model.get("place");
      markCell(table, row, column);
      say(title, `${points[row]}, after ${shown[column]}`);
      const names = top[row][column];
      drawBars(bars, [...names.keys()], { before: null, after: probabilities[row][column],
        tokenizer: { piece: (token) => names[token] } });
    }
    return { draw, stop: redrawOn(model, ["place"], drawPlace) };
  });
}
