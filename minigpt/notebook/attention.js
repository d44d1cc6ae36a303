// One row of one head, number by number, and what a change in it does to the prediction.

import { drawBars } from "../lesson_file/lessons/bars.js";
import { chooseNumber } from "../lesson_file/lessons/chooser.js";
import { mount } from "../lesson_file/lessons/mounting.js";
import { displayPiece, headName } from "../lesson_file/lessons/texts.js";
import { choose, redrawOn, whenSeen } from "./place.js";

export function render({ model, el }) {
  return whenSeen(el, (root) => {
    const { layers, heads, positions } = model.get("shape");
    const line = element("div", "chooser", root);
    const choosers = [["Layer", layers], ["Head", heads]].map(([label, count], axis) =>
      chooseNumber(line, label, count, (value) =>
        choose(model, "head", model.get("head").map((old, place) => place === axis ? value : old))));
    const boxes = [["without_mask", "Without the mask"],
      ...(positions ? [["without_positions", "Without positions"]] : [])]
      .map(([name, label]) => [name, checkbox(line, label, (on) => choose(model, name, on))]);
    const sheet = mount(element("div", "", root), "attention_steps", {
      picked: (place) => choose(model, "cell",
        place && [model.get("sheet").rowNames[place[0]], place[1]]),
      asked: (row) => choose(model, "row", row),
      weighed: (weight) => choose(model, "weight", weight),
      divided: (divisor) => choose(model, "divisor", divisor),
    });
    const title = element("h3", "", root);
    const note = element("p", "note", root);
    const bars = element("div", "", root);

    function drawSheet() {
      choosers.forEach((select, axis) => { select.value = model.get("head")[axis]; });
      for (const [name, box] of boxes) box.checked = model.get(name);
      const data = model.get("sheet");
      const cell = model.get("cell");
      sheet({ ...data, pieces: data.pieces.map(displayPiece),
        opened: cell && [data.rowNames.indexOf(cell[0]), cell[1]] });
    }
    function drawNext() {
      const { pieces, before, after, kl, changed } = model.get("next");
      const { pieces: texts, query } = model.get("sheet");
      say(title, "The next token after ", { strong: displayPiece(texts[query]) });
      say(note, changed ? `With your change in ${headName(model.get("head"))}, KL ${kl.toFixed(3)} `
        + "nats; dashed: as the model is. " : "Move a slider, at ÷ √d or at the softmax, and see "
        + "what becomes of the prediction.");
      if (changed) undoButton(note, model);
      drawBars(bars, [...pieces.keys()], { before: changed ? before : null, after,
        tokenizer: { piece: (token) => pieces[token] } });
    }
    const stops = [
      redrawOn(model, ["sheet", "cell"], drawSheet),
      redrawOn(model, ["next"], drawNext),
      sheet.stop,
    ];
    return {
      draw() { drawSheet(); drawNext(); },
      stop: () => stops.forEach((stop) => stop()),
    };
  });
}

function checkbox(place, text, tell) {
  const label = element("label", "", place);
  const box = element("input", "", label);
  box.type = "checkbox";
  label.append(` ${text}`);
  box.onchange = () => tell(box.checked);
  return box;
}

function undoButton(place, model) {
  const undo = element("button", "", place, "Undo");
  undo.type = "button";
  undo.onclick = () => {
    for (const [name, value] of [["weight", null], ["divisor", null], ["without_mask", false],
      ["without_positions", false]]) model.set(name, value);
    model.save_changes();
  };
}
