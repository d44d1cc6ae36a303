// Continuations that begin alike share a branch, as wide as many of them go there.

const ROW = 1.4; // Heights and widths in rem: present mode enlarges them.
const COLUMN = 5.2;
const REST = 15;

export default function continuationTree({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".continuation_tree");
  const { caption, stage } = root.parts ??= prepareTree(root);
  const tree = layOut(data.branches);
  const columns = 1 + Math.max(0, ...data.branches.map(({ depth }) => depth));
  const size = rem();
  const width = (columns * COLUMN + REST) * size;
  const height = (tree.rows + 0.5) * ROW * size;
  const svg = svgElement("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  const links = svgElement("g", { class: "links" }, svg);
  const nodes = tree.branches.map((branch) => drawBranch(svg, links, branch, data.count, size));
  stage.replaceChildren(svg);

  const hover = (place) => {
    const way = new Set(place === null ? [] : wayTo(tree.branches, place));
    nodes.forEach(({ node, link }, i) => {
      node.classList.toggle("near", way.has(i));
      link.classList.toggle("near", way.has(i));
    });
    describeBranch(caption, tree.branches, place, data.count);
  };
  nodes.forEach(({ node }, place) => {
    const pick = () => setTriggerValue("picked", { value: place });
    node.onmouseenter = node.onfocus = () => hover(place);
    node.onmouseleave = node.onblur = () => hover(null);
    node.onclick = pick;
    node.onkeydown = (event) => {
      const step = arrowStep(event);
      if (step) moveTo(nodes, neighbour(tree.branches, place, step));
      else if (event.key === "Enter") pick();
      else if (event.key === "Escape") hover(null);
      else return;
      event.preventDefault();
      event.stopPropagation(); // The page has keys of its own.
    };
  });
  nodes[0]?.node.setAttribute("tabindex", 0);
  hover(null);
}

function prepareTree(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  return { caption, stage: element("div", "stage", root) };
}

// A leaf takes a row. A branch stands in the row of its widest child, which comes first:
// what most continuations share runs straight on.
function layOut(branches) {
  const made = branches.map((branch, id) => ({ ...branch, id, children: [], row: 0 }));
  for (const branch of made)
    if (branch.parent !== null) made[branch.parent].children.push(branch);
  let rows = 0;
  const place = (branch) => {
    branch.children.forEach(place);
    branch.row = branch.children.length ? branch.children[0].row : rows++;
  };
  made.filter(({ parent }) => parent === null).forEach(place);
  for (const branch of made) branch.from = branch.parent === null ? 0 : made[branch.parent].row;
  return { branches: made, rows: Math.max(1, rows) };
}

function drawBranch(svg, links, branch, count, size) {
  const y = (row) => (row + 0.75) * ROW * size;
  const x = (branch.depth + 0.25) * COLUMN * size;
  const before = x - 0.25 * COLUMN * size;
  const [here, from] = [y(branch.row), y(branch.from)];
  const thick = 1.5 + (0.95 * ROW * size * branch.seeds.length) / count;
  const middle = (before + x) / 2;
  const link = svgElement("path", {
    d: `M${before},${from} C${middle},${from} ${middle},${here} ${x + 4},${here}`,
    "stroke-width": thick,
  }, links);
  const node = svgElement("g", {
    class: "node", role: "button", tabindex: -1,
    "aria-label": `${branch.piece}: ${branch.seeds.length} of ${count} go here. Force it`,
  }, svg);
  svgElement("rect", {
    x, y: here - 0.62 * size, width: 0.75 * COLUMN * size, height: 1.24 * size, rx: 5,
    class: "box",
  }, node);
  const many = branch.seeds.length > 1 ? ` ${branch.seeds.length}` : "";
  const text = svgElement("text", { x: x + 0.3 * size, y: here + 0.32 * size }, node);
  const room = 7.5 - 1.1 * many.length;
  text.textContent = shortened(branch.piece, Math.floor(room));
  if (many) svgElement("tspan", { class: "many" }, text, many);
  if (branch.seeds.length === 1) {
    const rest = svgElement("text", {
      x: x + 0.8 * COLUMN * size, y: here + 0.32 * size, class: "rest",
    }, node, shortened(branch.rest, 22));
    svgElement("tspan", { class: "seed" }, rest, `  seed ${branch.seeds[0]}`);
  }
  return { node, link };
}

function shortened(text, most) {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}

function wayTo(branches, place) {
  const way = [];
  for (let here = place; here !== null; here = branches[here].parent) way.push(here);
  return way;
}

// Left to the parent, right to the first child, up and down among all in one column.
function neighbour(branches, place, [down, right]) {
  const here = branches[place];
  if (right < 0) return here.parent ?? place;
  if (right > 0) return here.children[0]?.id ?? place;
  const column = branches.filter(({ depth }) => depth === here.depth);
  const at = column.indexOf(here) + down;
  return column[clamp(at, 0, column.length - 1)].id;
}

function moveTo(nodes, place) {
  nodes.forEach(({ node }, i) => node.setAttribute("tabindex", i === place ? 0 : -1));
  nodes[place].node.focus();
}

function describeBranch(caption, branches, place, count) {
  if (place === null)
    return say(caption, "Width: how many go there. Point at a branch; a click forces it.");
  const { seeds, rest } = branches[place];
  const text = wayTo(branches, place).reverse().map((i) => branches[i].piece).join("");
  const some = seeds.slice(0, 8).join(", ") + (seeds.length > 8 ? ", …" : "");
  say(caption, { strong: text }, rest, ` · ${seeds.length} of ${count} · `,
    seeds.length > 1 ? `seeds ${some}` : `seed ${some}`);
}
