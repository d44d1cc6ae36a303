// One block as a road: the stream runs along the bottom, attention and MLP branch off and
// are added back. Road and branches are as wide as the vectors on them are long. Below, the
// numbers of the part that the reader stands at.

export default function residualBlock({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".residual_block");
  const block = unpackBlock(data);
  const view = prepareBlock(root, block);
  root.classList.toggle("projected", rem() >= 20); // on a projector, every line counts
  const state = root.state ??= { stage: 0 };
  standWhereAsked(state, data.part, (part) => Math.max(0, block.parts.indexOf(part)));
  const paint = { signed: signedTable(root), ink: inkTable(root) };
  const picked = data.picked && { row: data.rows[data.picked[0]], number: data.picked[1] };
  const tell = {
    picked,
    pick: (row) => (number) =>
      setTriggerValue("picked", { value: [data.rows.indexOf(row), number] }),
    openHead: (head) => setTriggerValue("opened", { value: head }),
  };

  function update() {
    const part = block.parts[state.stage];
    markRoad(view, state.stage);
    say(view.stepper.caption, ...partSentence(block, part));
    view.panel.replaceChildren();
    drawPart(view.panel, block, part, paint, tell);
  }
  const { go, stop } = stepThrough(view.stepper, block.parts.length, state, update);
  view.nodes.forEach((node, stage) => { node.onclick = () => go(stage); });
  update();
  const stopFollowing = followWidth(root, () => drawRoad(view, block));
  return () => { stop(); stopFollowing(); };
}

function unpackBlock(data) {
  const floats = (packed) => packed && decodeFloats(packed);
  const block = { ...data };
  for (const name of ["before", "bias", "attended", "middle", "activations", "transformed", "after"])
    block[name] = floats(data[name]);
  block.results = inRows(floats(data.results), data.width);
  block.z = inRows(floats(data.z), floats(data.z).length / block.results.length);
  block.norms = data.norms.map((norm) =>
    norm && { ...norm, ...Object.fromEntries(["normalized", "out", "weight", "shift"]
      .map((name) => [name, floats(norm[name])])) });
  block.patterns = inRows(decodeBytes(data.patterns), data.side ** 2);
  block.parts = ["before", "ln1", "heads", "output", "middle",
    ...(block.transformed ? ["ln2", "mlp", "after"] : [])];
  return block;
}

// Build the elements when the block's shape changes; else a new token only redraws.
function prepareBlock(root, block) {
  const shape = [...block.parts, block.results.length].join(" ");
  if (root.built?.shape !== shape) {
    root.replaceChildren();
    const stepper = buildStepper(root);
    const stage = element("div", "stage", root);
    const road = element("div", "road", stage);
    const svg = svgElement("svg", { "aria-hidden": "true" }, road);
    const nodes = block.parts.map((part) => element("button", `node ${part}`, road));
    const panel = element("div", "panel", root);
    root.built = { shape, stepper, road, svg, nodes, panel };
  }
  root.built.nodes.forEach((node, i) => {
    const [label, name] = partLabel(block, block.parts[i]);
    node.textContent = label;
    node.setAttribute("aria-label", `${label}: ${name}`);
    node.title = name;
  });
  return root.built;
}

function partLabel(block, part) {
  const count = block.results.length;
  return {
    before: [block.piece, `The stream of ${block.piece} before the block`],
    ln1: ["norm", "The norm before attention"],
    heads: [count === 1 ? "1 head" : `${count} heads`, "The heads"],
    output: ["W_O", "Concatenation and output projection"],
    middle: ["+", "The stream after attention"],
    ln2: ["norm", "The norm before the MLP"],
    mlp: ["MLP", "The MLP's neurons"],
    after: ["+", "The stream after the block"],
  }[part];
}

const ROAD = 98; // How far down the stream runs, and its branches, in pixels at 16 px type.
const BRANCH = 24;
const WIDEST = 26;

const NARROW = 600; // Below so many, all of the road is drawn smaller, to fit a phone.

// Where each part stands, as a share of the width.
function placesOf(parts, isNarrow) {
  const all = isNarrow
    ? { before: 0.06, ln1: 0.215, heads: 0.345, output: 0.465, middle: 0.55,
      ln2: 0.71, mlp: 0.82, after: 0.92, end: 1 }
    : { before: 0.055, ln1: 0.17, heads: 0.275, output: 0.38, middle: 0.47,
      ln2: 0.6, mlp: 0.71, after: 0.83, end: 1 };
  const stretch = parts.includes("mlp") ? 1 : 1.7;
  return Object.fromEntries(Object.entries(all).map(([part, share]) =>
    [part, Math.min(1, share * stretch)]));
}

function drawRoad({ road, svg, nodes }, block) {
  const unit = rem() / 16;
  const width = road.parentElement.clientWidth;
  const isNarrow = width < NARROW * unit;
  const at = placesOf(block.parts, isNarrow);
  const x = (part) => at[part] * width;
  const [low, high] = [ROAD * unit, BRANCH * unit];
  const sizes = roadSizes(block);
  const thick = (length) => Math.max(2, WIDEST * unit * length / sizes.most);
  road.classList.toggle("narrow", isNarrow);
  svg.replaceChildren();
  Object.entries({ width, height: low + (isNarrow ? 58 : 38) * unit }).forEach(([name, value]) =>
    svg.setAttribute(name, value));
  const line = (d, className, strokeWidth) =>
    svgElement("path", { d, class: className, "stroke-width": strokeWidth }, svg);
  const label = (place, down, text, className = "") =>
    svgElement("text", { x: place, y: down, class: className }, svg, text);
  const stretchOf = (from, to, length) => line(`M${from} ${low}H${to}`, "stream", thick(length));
  stretchOf(0, x("middle"), sizes.before);
  stretchOf(x("middle"), block.transformed ? x("after") : width, sizes.middle);
  if (block.transformed) stretchOf(x("after"), width, sizes.after);
  const bend = (isNarrow ? 9 : 16) * unit;
  const beside = (isNarrow ? 26 : 58) * unit;
  const branch = (first, last, end, length, kind) => {
    const [from, to] = [x(last), x(end)];
    if (kind === "mlp" && block.parallel) overpass(x("ln1") - beside, x(first), from);
    else lane(x(first) - beside, from, high);
    line(`M${from} ${high}H${to - bend}Q${to} ${high} ${to} ${high + bend}V${low}`,
      `writes ${kind}`, thick(length));
    if (isNarrow) label(to, low + 52 * unit, `+ ${number(length)}`);
    else label(to + thick(length) / 2 + 5 * unit, (low + high) / 2 + 4 * unit,
      `+ ${number(length)}`, "start");
  };
  const lane = (start, end, height) =>
    line(`M${start} ${low}V${height + bend}Q${start} ${height} ${start + bend} ${height}H${end}`,
      "reads", 2 * unit);
  // A parallel MLP reads where the heads do: its lane runs above theirs.
  const overpass = (start, down, end) => {
    lane(start, down - bend, 2 * unit);
    line(`M${down - bend} ${2 * unit}Q${down} ${2 * unit} ${down} ${high}H${end}`, "reads", 2 * unit);
  };
  branch("ln1", "output", "middle", sizes.attended, "attention");
  if (block.transformed) branch("ln2", "mlp", "after", sizes.transformed, "mlp");
  const below = low + 32 * unit;
  if (isNarrow) label(0, below, `length ${number(sizes.before)}`, "start");
  else label(x("before"), below, `length ${number(sizes.before)}`);
  label((x("middle") + (block.transformed ? x("ln2") : width)) / 2, below,
    `${isNarrow ? "" : "length "}${number(sizes.middle)}`);
  if (block.transformed && isNarrow) label(width, below, number(sizes.after), "end");
  else if (block.transformed) label((x("after") + width) / 2, below,
    `length ${number(sizes.after)}`);
  block.parts.forEach((part, i) => {
    const onRoad = ["before", "middle", "after"].includes(part);
    nodes[i].style.left = `${x(part)}px`;
    nodes[i].style.top = `${onRoad ? low : high}px`;
  });
}

function roadSizes({ before, attended, middle, transformed, after }) {
  const sizes = { before: norm(before), attended: norm(attended), middle: norm(middle),
    transformed: norm(transformed ?? []), after: norm(after) };
  return { ...sizes, most: Math.max(...Object.values(sizes)) };
}

function markRoad({ nodes }, stage) {
  nodes.forEach((node, i) => {
    node.classList.toggle("ahead", i > stage);
    node.setAttribute("aria-current", i === stage ? "step" : "false");
  });
}

function norm(vector) {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
