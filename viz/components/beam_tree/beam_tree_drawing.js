// The tree's picture: columns are steps, rows are ranks, a line joins parent and child.

const ROOMY_ROWS = 9; // With more rows, a node has one line in place of two.
const ENDS = ["best", "exhaustive"]; // Marked at the last step: before, nobody knows.

function treeLayout(root, data) {
  const unit = rem() / 16;
  const steps = data.captions.length;
  const roomy = data.rows <= ROOMY_ROWS;
  const start = 46 * unit;
  const room = (root.clientWidth - start - 26 * unit) / steps;
  const pitch = clamp(room, 102 * unit, 152 * unit);
  const [height, gap] = roomy ? [34 * unit, 7 * unit] : [20 * unit, 6 * unit];
  const top = 24 * unit;
  return {
    unit, roomy, start, pitch, height, steps, top,
    width: pitch - 20 * unit,
    x: (node) => start + (node.step - 1) * pitch,
    y: (node) => top + node.row * (height + gap),
    total: [start + steps * pitch + 20 * unit, top + data.rows * (height + gap) + 2 * unit],
  };
}

function drawTree({ svg }, root, data) {
  const layout = treeLayout(root, data);
  const [width, height] = layout.total;
  svg.replaceChildren();
  for (const [name, value] of Object.entries({ width, height }))
    svg.setAttribute(name, value);
  const { unit } = layout;
  const heads = Array.from({ length: layout.steps }, (_, i) =>
    svgElement("text", {
      class: "head", x: layout.start + i * layout.pitch + layout.width / 2, y: 13 * unit,
      "font-size": 12 * unit, "text-anchor": "middle",
    }, svg, `step ${i + 1}`));
  const lines = svgElement("g", {}, svg);
  drawPrompt(svg, layout, data);
  const marks = marksOf(data);
  const edges = data.nodes.map((node) => drawEdge(lines, layout, data, node));
  const groups = data.nodes.map((node) => drawNode(svg, layout, node));
  return { layout, heads, edges, groups, marks };
}

// Which texts run through each node.
function marksOf(data) {
  const marks = data.nodes.map(() => []);
  for (const [name, path] of Object.entries(data.paths))
    for (const node of path) marks[node].push(name);
  return marks;
}

function drawPrompt(svg, layout, data) {
  const { unit, top, height } = layout;
  const group = svgElement("g", { class: "prompt" }, svg);
  const width = layout.start - 16 * unit;
  svgElement("rect", { x: 2, y: top, width, height, rx: 5 * unit }, group);
  const piece = data.prompt.at(-1) ?? "";
  svgElement("text", {
    x: 2 + width / 2, y: top + height / 2 + 4 * unit, "text-anchor": "middle",
    "font-size": 11 * unit,
  }, group, shortened(piece, Math.floor(width / (7 * unit))));
}

function drawEdge(lines, layout, data, node) {
  const parent = data.nodes[node.parent];
  const { unit, height } = layout;
  const fromX = parent ? layout.x(parent) + layout.width : layout.start - 14 * unit;
  const fromY = (parent ? layout.y(parent) : layout.top) + height / 2;
  const [toX, toY] = [layout.x(node), layout.y(node) + height / 2];
  const middle = (fromX + toX) / 2;
  return svgElement("path", {
    d: `M${fromX} ${fromY}C${middle} ${fromY} ${middle} ${toY} ${toX} ${toY}`,
    "stroke-width": unit * (1 + 3 * node.share),
  }, lines);
}

function drawNode(svg, layout, node) {
  const { unit, width, height, roomy } = layout;
  const at = `translate(${layout.x(node)},${layout.y(node)})`;
  const group = svgElement("g", { transform: at }, svg);
  const ring = 3 * unit;
  svgElement("rect", {
    class: "ring", x: -ring, y: -ring, width: width + 2 * ring, height: height + 2 * ring,
    rx: 7 * unit,
  }, group);
  svgElement("rect", { class: "box", width, height, rx: 5 * unit }, group);
  svgElement("rect", {
    class: "cap", x: width - 4 * unit, width: 4 * unit, height, rx: 2 * unit,
  }, group);
  const pad = 5 * unit;
  const right = { x: width - pad - 1, "text-anchor": "end", "font-size": 10.5 * unit };
  const number = roomy ? node.logProb : node.sum;
  const room = width - 2 * pad - (number.length * 6.4 + 3) * unit;
  const firstLine = 14 * unit;
  svgElement("text", { class: "piece", x: pad, y: firstLine, "font-size": 12 * unit },
    group, shortened(node.piece, Math.max(3, Math.floor(room / (7.25 * unit)))));
  svgElement("text", { ...right, y: firstLine }, group, number);
  if (roomy) {
    const y = 28 * unit;
    svgElement("text", { x: pad, y, "font-size": 10.5 * unit }, group, node.sum);
    svgElement("text", { ...right, y }, group, node.score);
  }
  svgElement("text", {
    class: "diamond", x: -6 * unit, y: 5 * unit, "font-size": 15 * unit,
  }, group, "◆");
  if (node.returned !== null)
    svgElement("text", {
      class: "place", x: width + 4 * unit, y: height / 2 + 4 * unit,
      "font-size": 11 * unit,
    }, group, `#${node.returned + 1}`);
  return group;
}

// By whole characters, so that no emoji is cut in two.
function shortened(text, most) {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}

// What no beam came to is there only with the text that passes through it.
function isVisible(data, state, node) {
  const { step, status } = data.nodes[node];
  if (step > state.stage + 1) return false;
  const isLast = state.stage === data.captions.length - 1;
  return status !== "unseen" || isLast || (data.paths.greedy ?? []).includes(node);
}

function markNodes({ groups, edges, marks, heads }, data, state) {
  const isLast = state.stage === data.captions.length - 1;
  const pointed = state.hovered ?? state.selected;
  const onPath = new Set(pointed === null ? [] : pathTo(data, pointed));
  const dims = onPath.size > 0 && isVisible(data, state, pointed);
  data.nodes.forEach((node, i) => {
    const names = marks[i].filter((name) => isLast || !ENDS.includes(name));
    const role = dims ? (onPath.has(i) ? "hot" : "dim") : "";
    const locked = i === state.selected ? "locked" : "";
    for (const [shape, kind] of [[groups[i], "node"], [edges[i], "edge"]]) {
      shape.setAttribute("class",
        [kind, node.status, ...names, role, locked, isLast ? "end" : ""].join(" "));
      shape.style.display = isVisible(data, state, i) ? "" : "none";
    }
  });
  heads.forEach((head, i) => head.classList.toggle("now", i === state.stage));
}

// Keep the newest column in sight; never scroll the page.
function showStep(stage, { layout }, step) {
  const end = layout.start + step * layout.pitch + 20 * layout.unit;
  const start = layout.start + (step - 1) * layout.pitch - 60 * layout.unit;
  if (end > stage.scrollLeft + stage.clientWidth) stage.scrollLeft = end - stage.clientWidth;
  else if (start < stage.scrollLeft) stage.scrollLeft = start;
}
