// Every head's pattern, and one of them close.

import { mount } from "../lesson_file/lessons/mounting.js";
import { displayPiece, headName } from "../lesson_file/lessons/texts.js";
import { choose, redrawOn, whenSeen } from "./place.js";

export function render({ model, el }) {
  return whenSeen(el, (root) => {
    const columns = element("div", "columns", root);
    const [left, right] = [element("div", "", columns), element("div", "", columns)];
    const count = model.get("grid").layers * model.get("grid").heads;
    element("h3", "", left, `All ${count} heads`);
    const grid = mount(element("div", "", left), "head_grid",
      { picked: (place) => choose(model, "head", place) });
    const title = element("h3", "", right);
    const map = mount(element("div", "", right), "attention_heatmap",
      { picked: (cell) => choose(model, "cell", cell) });

    function draw() {
      grid({ ...model.get("grid"), selected: model.get("head") });
      drawMap();
    }
    // The map follows its head from Python: until it comes, the title would be another's.
    function drawMap() {
      const { head, weights } = model.get("map");
      title.textContent = headName(head);
      map({ pieces: model.get("pieces").map(displayPiece), weights,
        selected: model.get("cell") });
    }
    const stops = [
      redrawOn(model, ["head"], draw),
      redrawOn(model, ["map", "cell"], drawMap),
      grid.stop,
      map.stop,
    ];
    return { draw, stop: () => stops.forEach((stop) => stop()) };
  });
}
