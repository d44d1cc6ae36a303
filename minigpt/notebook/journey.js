// Every token's road through the model, and the numbers of a part that is chosen.

import { mount } from "../lesson_file/lessons/mounting.js";
import { displayPiece, probabilityText } from "../lesson_file/lessons/texts.js";
import { choose, redrawOn, whenSeen } from "./place.js";

export function render({ model, el }) {
  return whenSeen(el, (root) => {
    const sheet = mount(element("div", "", root), "journey", {
      picked([what, value]) {
        if (what === "append") model.send({ append: value });
        else choose(model, what, value);
      },
    });
    const note = element("p", "note", root);
    note.setAttribute("aria-live", "polite");

    function draw() {
      const data = model.get("sheet");
      const token = model.get("token");
      if (!data.pieces || token < data.first || token >= data.count) return; // Halfway to another text.
      sheet({ ...data, selected: token, nudges: 0, opens: "choose it",
        pieces: data.pieces.map(displayPiece), expected: data.expected.map(displayPiece),
        likely: data.likely.map(probabilityText),
        next: data.next.map((each) => ({ ...each, piece: displayPiece(each.piece),
          text: probabilityText(each.share) })) });
      drawNote(data, token);
    }
    function drawNote(data, token) {
      const stage = data.stages[model.get("stage")];
      note.hidden = !stage;
      if (!stage) return;
      const row = token - data.first;
      say(note, { strong: stage.addedName }, ` has norm ${number(stage.added[row])} at `,
        { strong: displayPiece(data.pieces[row]) }, "; ", { strong: stage.streamName },
        ` then has ${number(stage.stream[row])}.`);
    }
    const forget = redrawOn(model, ["sheet", "token", "stage"], draw);
    return { draw, stop() { forget(); sheet.stop(); } };
  });
}
