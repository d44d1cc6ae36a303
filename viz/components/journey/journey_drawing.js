// The journey's sheet: headings, roads, what is added to them, and where they end.

const STANDING = 2.4; // Columns of fewer times the type's size hold no word and no number.
const LEAST_BESIDE = 640; // Pixels: on a narrower sheet the words would lie on the roads.
const LEAST_FAINT = 0.15; // Weaker reading is drawn for the chosen token alone.

function drawJourney(parts, root, data, hover, tell) {
  const { head, svg, sheet } = parts;
  const layout = journeyLayout(root, data);
  const scale = journeyScale(data, layout);
  const fresh = !svg.childElementCount;
  for (const [part, height] of [[head, layout.heading], [svg, layout.height]]) {
    part.replaceChildren();
    part.setAttribute("width", layout.width);
    part.setAttribute("height", height);
  }
  drawRows(svg, layout, data, tell);
  const layers = data.stages.map((stage, i) => {
    const station = drawHeading(head, layout, { data, i }, hover, tell);
    const group = svgElement("g", { class: `layer ${stage.kind}` }, svg);
    svgElement("rect", { class: `band ${stage.kind}`, x: layout.start(i) + 1, y: 0, rx: 6,
      width: layout.column - 2, height: layout.bottom }, group);
    if (stage.reads.length) drawReads(group, layout, stage, i);
    drawRoads(group, layout, scale, data, i, hover, tell);
    return [station, group];
  });
  layers.push(drawEnd(head, svg, layout, data, tell));
  // Beside the list of what comes next there is room for words and buttons.
  root.classList.toggle("beside", root.clientWidth >= LEAST_BESIDE &&
    sheet.scrollHeight <= sheet.clientHeight && layout.width <= root.clientWidth + 1);
  root.style.setProperty("--beside", `${Math.min(layout.end, root.clientWidth - layout.right)}px`);
  if (fresh) sheet.scrollTop = sheet.scrollHeight; // the last token is where it leads to
  return { layers, layout };
}

function drawRows(svg, layout, data, tell) {
  const { type } = layout;
  layout.rows.forEach(({ top, height, road }, row) => {
    const chosen = row === layout.chosen ? " chosen" : "";
    const back = svgElement("rect", { class: `row${chosen}`, x: 0, y: top, rx: 6,
      width: layout.width, height }, svg);
    back.onclick = () => tell("token", data.first + row);
    svgElement("text", { class: `code${chosen && " chosen-name"}`, "font-size": type,
      x: layout.left - 8, y: road + 0.34 * type, "text-anchor": "end" }, svg,
      fitted(layout.measure, data.pieces[row], layout.left - 14));
  });
}

const HEADINGS = { embedding: "embed", attention: "attention", MLP: "MLP", blocks: "" };

function blockName([first, last]) {
  return first === last ? `block ${first}` : `${first}–${last}`;
}

// Two lines above a stage: the way to its page.
function drawHeading(head, layout, { data, i }, hover, tell) {
  const { type, column } = layout;
  const [stage, { opens }] = [data.stages[i], data]; // Where there are no pages, what a click does.
  const station = svgElement("g", { class: "layer station", role: opens ? "button" : "link",
    tabindex: 0 }, head);
  svgElement("title", {}, station, `${stageName(stage)}: ${opens ?? "open its page"}`);
  svgElement("rect", { class: `band ${stage.kind}`, x: layout.start(i) + 1, y: 1, rx: 6,
    width: column - 2, height: 3 * type }, station);
  if (column < STANDING * type) drawStanding(station, layout, stage, i);
  else headingLines(stage, column < 4.6 * type).forEach((line, n) =>
    svgElement("text", { x: layout.start(i) + column / 2, y: (1.25 + 1.3 * n) * type,
      class: n ? "" : "faint", "text-anchor": "middle", "font-size": (n ? 0.95 : 0.85) * type,
      "font-weight": n ? 650 : 400 }, station, line));
  station.onclick = () => tell("stage", i);
  station.onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    tell("stage", i);
  };
  station.onmouseenter = station.onfocus = () => hover({ stage: i });
  station.onmouseleave = station.onblur = () => hover(null);
  return station;
}

// In a column that is too narrow for words they stand upright.
function drawStanding(station, { type, column, start }, stage, i) {
  const words = headingLines(stage, true).at(-1);
  const layer = ["attention", "MLP"].includes(stage.kind) ? ` ${stage.layers[0]}` : "";
  const [x, y] = [start(i) + column / 2 + 0.28 * type, 2.85 * type];
  svgElement("text", { x, y, transform: `rotate(-90 ${x} ${y})`, "font-size": 0.85 * type },
    station, `${words}${layer}`);
}

function headingLines({ kind, layers: [first, last] }, narrow) {
  if (kind === "embedding") return ["", "embed"];
  if (kind === "blocks")
    return first === last ? ["block", first] : ["blocks", `${first}–${last}`];
  return [narrow ? `b ${first}` : `block ${first}`, narrow && kind === "attention" ? "attn" : kind];
}

// Attention: from each road that is read to the node of the one that reads.
function drawReads(group, layout, stage, i) {
  const from = layout.start(i) + 0.02 * layout.column;
  for (const [query, key, weight] of stage.reads) {
    if (query === key) continue;
    const chosen = query === layout.chosen;
    if (!chosen && weight < LEAST_FAINT) continue;
    svgElement("path", { class: "read", "stroke-width": 0.8 + 2.6 * weight,
      d: bendPath(from, layout.rows[key].road, layout.node(i), nodeY(layout, query)),
      opacity: chosen ? 0.4 + 0.6 * weight : 0.36 * weight }, group);
  }
}

function nodeY(layout, row) {
  const { top, road } = layout.rows[row];
  return road - (road - top) * (row === layout.chosen ? 0.52 : 0.72);
}

// One stage of every road: as thick as before, what is added, as thick as afterwards.
function drawRoads(group, layout, scale, data, i, hover, tell) {
  layout.rows.forEach(({ top, height }, row) => {
    if (i) drawAdding(group, layout, scale, data, i, row);
    else drawBeginning(group, layout, scale, data.stages[0], row);
    if (row === layout.chosen && layout.column >= STANDING * layout.type)
      printNorms(group, layout, data.stages[i], i);
    const hot = svgElement("rect", { class: "hot", x: layout.start(i), y: top,
      width: layout.column, height }, group);
    hot.onmouseenter = () => hover({ stage: i, row });
    hot.onmouseleave = () => hover(null);
    hot.onclick = () => tell("token", data.first + row);
  });
}

function roadClass(layout, row) {
  return `road${row === layout.chosen ? " chosen" : ""}`;
}

function drawBeginning(group, layout, scale, stage, row) {
  const [x0, x1] = [layout.start(0) + 4, layout.start(1)];
  const { road } = layout.rows[row];
  const thickness = scale(stage.stream[row]);
  svgElement("circle", { class: roadClass(layout, row), cx: x0, cy: road,
    r: Math.max(2.5, thickness / 2) }, group);
  svgElement("path", { class: roadClass(layout, row),
    d: roadPath(x0, x0, x0, x1, road, thickness, thickness) }, group);
}

function drawAdding(group, layout, scale, data, i, row) {
  const stage = data.stages[i];
  const [x0, x3] = [layout.start(i), layout.start(i + 1)];
  const [node, merge] = [layout.node(i), layout.merge(i)];
  const { road } = layout.rows[row];
  const y = nodeY(layout, row);
  svgElement("path", { class: roadClass(layout, row), d: roadPath(x0, node, merge, x3, road,
    scale(data.stages[i - 1].stream[row]), scale(stage.stream[row])) }, group);
  svgElement("path", { class: "leaf",
    d: bendPath(x0 + 0.05 * layout.column, road, node, y) }, group);
  svgElement("path", { class: "branch", "stroke-width": scale(stage.added[row]),
    d: bendPath(node, y, merge, road), opacity: row === layout.chosen ? 0.95 : 0.6 }, group);
  svgElement("circle", { class: "node", cx: node, cy: y,
    r: row === layout.chosen ? 3.5 : 2.2 }, group);
}

// The chosen token's numbers: what is added above its road, what comes of it below.
function printNorms(group, layout, stage, i) {
  const { type } = layout;
  const { top, height } = layout.rows[layout.chosen];
  if (i)
    svgElement("text", { class: `added ${stage.kind === "MLP" ? "green" : "blue"}`,
      x: layout.start(i + 1) - 3, y: top + 0.85 * type, "font-size": 0.8 * type,
      "text-anchor": "end" },
      group, `+${shortNumber(stage.added[layout.chosen])}`);
  svgElement("text", { class: "stream", x: layout.start(i + 1) - 3, y: top + height - 0.25 * type,
    "font-size": 0.8 * type, "text-anchor": "end" }, group,
    shortNumber(stage.stream[layout.chosen]));
}

// The ends of the roads: faint but for the last, which says what comes next.
function drawEnd(head, svg, layout, data, tell) {
  const { type } = layout;
  const group = svgElement("g", { class: "layer" }, svg);
  const title = svgElement("g", { class: "layer" }, head);
  const x = layout.end + 0.9 * type;
  svgElement("text", { x, y: 2.55 * type, "font-size": 0.95 * type, "font-weight": 650 }, title,
    "what comes next");
  const final = data.first + data.pieces.length === data.count;
  layout.rows.forEach(({ road }, row) => {
    if (final && row === layout.rows.length - 1) return;
    svgElement("text", { class: "faint", x, y: road + 0.34 * type, "font-size": 0.85 * type,
      opacity: 0.75 }, group, "→");
    svgElement("text", { class: "faint code", x: x + 1.4 * type, y: road + 0.34 * type,
      "font-size": 0.85 * type }, group, `${data.expected[row]}  ${data.likely[row]}`);
  });
  if (!final) return [title, group];
  data.next.forEach((candidate, rank) => drawChoice(group, layout, candidate, rank, tell));
  return [title, group];
}

function drawChoice(group, layout, candidate, rank, tell) {
  const { type, choice } = layout;
  const [x, y] = [layout.end + 0.5 * type, layout.choicesTop + rank * choice];
  const middle = y + choice / 2;
  const made = svgElement("g", { class: "choice", role: "button", tabindex: 0 }, group);
  svgElement("title", {}, made, `${candidate.piece}: probability ${candidate.text}. Append it`);
  svgElement("rect", { class: "back", x, y: y + 1, rx: 6,
    width: layout.right - type, height: choice - 2 }, made);
  svgElement("text", { class: "code piece", x: x + 0.4 * type, y: middle + 0.34 * type,
    "font-size": type, "font-weight": rank ? 400 : 700 }, made,
    fitted(layout.measure, candidate.piece, layout.words));
  const track = { x: x + layout.words + 0.7 * type, y: middle - 0.42 * type, height: 0.84 * type, rx: 3 };
  const length = layout.right - layout.words - 5.2 * type;
  svgElement("rect", { ...track, class: "track", width: length }, made);
  svgElement("rect", { ...track, class: "bar",
    width: Math.max(2, length * candidate.share) }, made);
  svgElement("text", { class: "number", x: x + layout.right - 1.2 * type, y: middle + 0.33 * type,
    "font-size": 0.9 * type, "text-anchor": "end" }, made, candidate.text);
  made.onclick = () => tell("append", candidate.token);
  made.onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    tell("append", candidate.token);
  };
}

// Three digits, whatever the size.
function shortNumber(norm) {
  return norm >= 100 ? norm.toFixed(0) : norm.toPrecision(3);
}

function stageName({ kind, layers }) {
  if (kind === "embedding") return "Embedding";
  const [first, last] = layers;
  if (kind === "blocks") return first === last ? `Block ${first}` : `Blocks ${first}–${last}`;
  return `Block ${first}, ${kind}`;
}
