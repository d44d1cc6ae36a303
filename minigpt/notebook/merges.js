// A text's bytes, gliding together merge by merge.

import { mount } from "../lesson_file/lessons/mounting.js";
import { displayPiece } from "../lesson_file/lessons/texts.js";
import { choose, redrawOn, whenSeen } from "./place.js";

export function render({ model, el }) {
  return whenSeen(el, (root) => {
    const motion = mount(element("div", "", root), "merge_motion",
      { reached: (step) => choose(model, "step", step) });
    const { labels, bytes, steps } = model.get("tree");
    const data = { labels: labels.map(displayPiece), bytes, steps };
    const draw = () => motion({ ...data, step: model.get("step") });
    const forget = redrawOn(model, ["step"], draw);
    return { draw, stop() { forget(); motion.stop(); } };
  });
}
