// A beam search as a tree, beside what greedy writes.

import { treeData } from "../lesson_file/lessons/beam_data.js";
import { mount } from "../lesson_file/lessons/mounting.js";
import { displayPiece } from "../lesson_file/lessons/texts.js";
import { choose, redrawOn, whenSeen } from "./place.js";

export function render({ model, el }) {
  return whenSeen(el, (root) => {
    const { nodes, returned, greedy, pieces, size } = model.get("tree");
    const texts = new Map(nodes.map(({ token, piece }) => [token, piece]));
    const data = treeData({ piece: (token) => texts.get(token) }, size,
      pieces.map(displayPiece), { nodes, returned, greedy, best: nodes[returned[0]] });
    const tree = mount(element("div", "", root), "beam_tree",
      { picked: (node) => choose(model, "node", node) });
    const draw = () => tree({ ...data, selected: model.get("node") });
    const forget = redrawOn(model, ["node"], draw);
    return { draw, stop() { forget(); tree.stop(); } };
  });
}
