// Continuations that begin alike share a branch, as wide as many of them go there.

// In rem: present mode enlarges them.
const ROW = 1.4;
const GAP = 1.6;
const LETTER = 0.52;
const REST = 17;
const LONGEST = 24; // Characters of a branch; the caption has them all.

export default function continuationTree({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".continuation_tree");
  const { caption, stage } = root.parts ??= prepareTree(root);
  const { nodes, rows, width } = layOut(data.branches);
  const size = rem();
  const [wide, high] = [width * size, (rows + 0.5) * ROW * size];
  const svg = svgElement("svg", { width: wide, height: high, viewBox: `0 0 ${wide} ${high}` });
  const links = svgElement("g", { class: "links" }, svg);
  const drawn = nodes.map((node) => drawNode(svg, links, node, data.count, size));
  stage.replaceChildren(svg);

  const hover = (place) => {
    const way = new Set(place === null ? [] : wayTo(nodes, place));
    drawn.forEach(({ group, link }, i) => {
      group.classList.toggle("near", way.has(i));
      link.classList.toggle("near", way.has(i));
    });
    describeNode(caption, nodes, place, data.count);
  };
  drawn.forEach(({ group }, place) => {
    const pick = () => setTriggerValue("picked", { value: nodes[place].id });
    group.onmouseenter = group.onfocus = () => hover(place);
    group.onmouseleave = group.onblur = () => hover(null);
    group.onclick = pick;
    group.onkeydown = (event) => {
      const step = arrowStep(event);
      if (step) moveTo(drawn, neighbour(nodes, place, step));
      else if (event.key === "Enter") pick();
      else if (event.key === "Escape") hover(null);
      else return;
      event.preventDefault();
      event.stopPropagation(); // The page has keys of its own.
    };
  });
  drawn[0]?.group.setAttribute("tabindex", 0);
  hover(null);
}

function prepareTree(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  return { caption, stage: element("div", "stage", root) };
}

// Branches as boxes: what all of a branch's texts share is one box. A leaf takes a row; a
// box stands in the row of its widest child, which comes first, so that what most texts
// share runs straight on.
function layOut(branches) {
  const children = branches.map(() => []);
  branches.forEach(({ parent }, id) => { if (parent !== null) children[parent].push(id); });
  const nodes = [];
  let rows = 0;
  let width = 0;
  function place(id, parent) {
    let text = branches[id].piece;
    const count = branches[id].seeds.length;
    while (children[id].length === 1 && branches[children[id][0]].seeds.length === count) {
      [id] = children[id];
      text += branches[id].piece;
    }
    const label = shortened(text, LONGEST);
    const many = count > 1 ? String(count) : "";
    const node = {
      ...branches[id], id, text, label, many, parent, index: nodes.length, children: [],
      depth: parent === null ? 0 : nodes[parent].depth + 1,
      x: parent === null ? GAP : nodes[parent].x + nodes[parent].width + GAP,
      width: ([...label].length + many.length) * LETTER + (many ? 0.95 : 0.6),
    };
    nodes.push(node);
    node.row = children[id].length ? rows : rows++;
    node.children = children[id].map((child) => place(child, node.index));
    width = Math.max(width, node.x + node.width + (many ? 0.5 : REST));
    return node.index;
  }
  branches.forEach(({ parent }, id) => { if (parent === null) place(id, null); });
  return { nodes: nodes.map((node) => ({ ...node, from: nodes[node.parent]?.row ?? 0 })),
    rows: Math.max(1, rows), width };
}

function drawNode(svg, links, node, count, size) {
  const y = (row) => (row + 0.75) * ROW * size;
  const [x, before] = [node.x * size, (node.x - GAP) * size];
  const [here, from] = [y(node.row), y(node.from)];
  const middle = (before + x) / 2;
  const link = svgElement("path", {
    d: `M${before},${from} C${middle},${from} ${middle},${here} ${x + 2},${here}`,
    "stroke-width": 1.5 + (0.95 * ROW * size * node.seeds.length) / count,
  }, links);
  const group = svgElement("g", {
    class: "node", role: "button", tabindex: -1,
    "aria-label": `${node.text}: ${node.seeds.length} of ${count} pass here. Force it`,
  }, svg);
  svgElement("rect", {
    x, y: here - 0.6 * size, width: node.width * size, height: 1.2 * size, rx: 5, class: "box",
  }, group);
  const text = svgElement("text", { x: x + 0.3 * size, y: here + 0.3 * size }, group, node.label);
  if (node.many)
    svgElement("tspan", { class: "many", dx: 0.3 * size }, text, node.many);
  else drawRest(group, node, here, size);
  return { group, link };
}

// The rest of the only text that goes here, and the seed that wrote it.
function drawRest(group, { x, width, rest, seeds }, here, size) {
  const place = { x: (x + width + 0.3) * size, y: here + 0.3 * size, class: "rest" };
  const text = svgElement("text", place, group, shortened(rest, 20));
  svgElement("tspan", { class: "seed", dx: 0.5 * size }, text, `seed ${seeds[0]}`);
}

function shortened(text, most) {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}

function wayTo(nodes, place) {
  const way = [];
  for (let here = place; here !== null; here = nodes[here].parent) way.push(here);
  return way;
}

// Left to the parent, right to the first child, up and down among those as deep.
function neighbour(nodes, place, [down, right]) {
  const here = nodes[place];
  if (right < 0) return here.parent ?? place;
  if (right > 0) return here.children[0] ?? place;
  const column = nodes.filter(({ depth }) => depth === here.depth);
  return column[clamp(column.indexOf(here) + down, 0, column.length - 1)].index;
}

function moveTo(drawn, place) {
  drawn.forEach(({ group }, i) => group.setAttribute("tabindex", i === place ? 0 : -1));
  drawn[place].group.focus();
}

function describeNode(caption, nodes, place, count) {
  if (place === null)
    return say(caption, "Width: how many continuations pass. Point at a branch; click to force it.");
  const { seeds, rest } = nodes[place];
  const text = wayTo(nodes, place).reverse().map((i) => nodes[i].text).join("");
  const some = seeds.slice(0, 8).join(", ") + (seeds.length > 8 ? ", …" : "");
  say(caption, { strong: text }, rest, ` · ${seeds.length} of ${count} · `,
    seeds.length > 1 ? `seeds ${some}` : `seed ${some}`);
}
