// The sheet: a column per token, a row per step, cells shaded by their numbers.

const TITLES = {
  k: () => "q, k, v", turned: () => "turn q and k", raw: () => "q · k",
  scaled: ({ width, divisor }) =>
    divisor === null || divisor === 1 ? `÷ √${width}` : `÷ ${number(divisor)}`,
  bent: ({ softcap }) => `within ±${number(softcap)}`, bias: () => "+ position", scores: () => "mask",
  pattern: () => "softmax", v: () => "Σ weight · v",
};

// Build the table when its shape changes; a sheet that stays keeps scroll and focus.
function prepareSheet(root, head) {
  const shape = [head.pieces.length, ...head.steps].join(" ");
  if (root.sheet?.shape !== shape) {
    root.replaceChildren();
    root.sheet = { shape, ...buildSheet(root, head) };
  }
  const { sheet } = root;
  sheet.table.setAttribute("aria-label",
    `What ${head.pieces[head.query]} reads, step by step. Arrow keys move, Enter opens a ` +
    "cell or chooses the token that reads, Escape closes.");
  sheet.tokens.forEach((token, key) => {
    token.textContent = token.title = head.pieces[key];
    token.setAttribute("aria-label", `${head.pieces[key]}, position ${key}: let it read`);
    token.classList.toggle("reads", key === head.query);
  });
  for (const cells of [sheet.tokens, ...Object.values(sheet.rows).map((row) => row.cells)])
    cells.forEach((cell, key) => cell.classList.toggle("asks", key === head.query));
  return sheet;
}

function buildSheet(root, head) {
  const stepper = buildStepper(root);
  const stage = element("div", "stage", root);
  const table = element("table", "sheet", stage);
  table.setAttribute("role", "grid");
  const top = element("tr", "", element("thead", "", table));
  element("th", "corner quiet", top, "reads →");
  const tokens = head.pieces.map(() => {
    const token = element("th", "token", top);
    token.scope = "col";
    return token;
  });
  const body = element("tbody", "", table);
  const titles = [];
  const rows = {};
  head.steps.forEach((step, i) => {
    const line = element("tr", "", body);
    const heading = element("th", "", line);
    heading.scope = "row";
    titles.push(element("button", "step", heading, TITLES[step](head)));
    titles[i].tabIndex = -1;
    rows[step] = buildCells(line, head);
    if (step !== "pattern") return;
    for (const [name, title] of [["before", "before"], ["weighed", "weight set"]]) {
      const extra = element("tr", `extra ${name}`, body);
      element("th", "", extra, title);
      rows[name] = buildCells(extra, head);
    }
  });
  const grid = [tokens, ...head.steps.map((step) => rows[step].cells)];
  grid.flat().forEach((cell) => { cell.tabIndex = -1; });
  tokens[head.query].tabIndex = 0;
  return { stepper, stage, table, tokens, titles, rows, grid,
    bench: element("div", "bench", root), legend: element("div", "legend quiet", root) };
}

function buildCells(line, head) {
  const cells = head.pieces.map(() => {
    const cell = element("td", "", line);
    cell.setAttribute("role", "gridcell");
    return cell;
  });
  return { line, cells };
}

// Every number and shade: for new data, another theme, or while a slider moves.
function fillSheet(sheet, head, paint) {
  head.steps.forEach((step, stage) => {
    sheet.titles[stage].textContent = TITLES[step](head);
    sheet.rows[step].cells.forEach((cell, key) => fillCell(cell, head, step, key, paint));
  });
  const extras = { before: isChanged(head) && head.before, weighed: head.weighed?.pattern };
  for (const [name, weights] of Object.entries(extras)) {
    sheet.rows[name].filled = Boolean(weights);
    if (weights) sheet.rows[name].cells.forEach((cell, key) =>
      fillWeight(cell, weights[key], !weights[key] && !mayRead(head, key), paint));
  }
  paintLegend(sheet.legend, head, paint);
}

// Which step has been reached, and which column is looked at: on every move.
function markSheet(sheet, head, state, column) {
  // A change shows in every row: whoever makes one need not step there first.
  const edited = isChanged(head) || Boolean(head.weighed);
  head.steps.forEach((step, stage) => {
    const { line } = sheet.rows[step];
    line.classList.toggle("ahead", stage > state.stage && !edited);
    line.classList.toggle("now", stage === state.stage);
    line.classList.toggle("left_out", isLeftOut(head, step));
    sheet.titles[stage].setAttribute("aria-current", stage === state.stage ? "step" : "false");
  });
  for (const name of ["before", "weighed"])
    sheet.rows[name].line.hidden = !sheet.rows[name].filled;
  const opened = state.opened && [head.rowNames[state.opened[0]], state.opened[1]];
  for (const [step, { cells }] of Object.entries(sheet.rows))
    cells.forEach((cell, key) => {
      cell.classList.toggle("near", key === column);
      cell.setAttribute("aria-selected", String(opened?.[0] === step && opened[1] === key));
    });
  sheet.tokens.forEach((token, key) => token.classList.toggle("near", key === column));
}

// What is left out passes on the row above as it is.
function isLeftOut(head, step) {
  return step === "scaled" ? head.divisor === 1 : head.leftOut.includes(step);
}

function fillCell(cell, head, step, key, paint) {
  if (step === "pattern") return fillWeight(cell, head.pattern[key], !mayRead(head, key), paint);
  if (step === "k" || step === "turned" || step === "v") {
    const vector = step === "v" ? head.v[key]
      : step === "k" && head.plainK ? head.plainK[key] : head.k[key];
    const limit = step === "v" ? head.valueLimit : head.keyLimit;
    const strip = paintLevels(vector.length, 1,
      (i) => signedLevel(vector[i] / limit), paint.signed);
    // What is read little is faint: the sum below is made of what is left.
    if (step === "v") strip.style.opacity = 0.12 + 0.88 * weightsOf(head)[key];
    setKind(cell, "strip");
    return cell.replaceChildren(strip);
  }
  const value = head[step === "bias" ? "biased" : step][key];
  const masked = !Number.isFinite(value);
  const shade = paint.signed[masked ? 127 : signedLevel(value / head.limit)];
  shadeCell(cell, masked ? "" : number(value), shade, masked);
}

function fillWeight(cell, weight, masked, paint) {
  const shade = paint.ink[clamp(Math.round(weight * 255), 0, 255)];
  shadeCell(cell, masked ? "" : weight.toFixed(3), shade, masked);
}

function shadeCell(cell, text, shade, masked) {
  setKind(cell, masked ? "masked" : "");
  cell.textContent = text;
  cell.style.background = masked ? "" : cssRgb(shade);
  cell.style.color = masked ? "" : textOn(shade);
  if (masked) cell.setAttribute("aria-label", "may not be read");
  else cell.removeAttribute("aria-label");
}

function setKind(cell, kind) {
  for (const name of ["masked", "strip"]) cell.classList.toggle(name, name === kind);
}

// The ranges are painted with the cells' own shades, so they stay true.
function paintLegend(legend, { limit, query, scores }, { signed, ink }) {
  legend.replaceChildren();
  const ramp = (low, shades, high, unit) => {
    element("span", "", legend, low);
    element("span", "ramp", legend).style.background =
      `linear-gradient(90deg, ${shades.filter((_, i) => i % 8 === 0).map(cssRgb).join(",")})`;
    element("span", "unit", legend, `${high} ${unit}`);
  };
  ramp(number(-limit), signed, `+${number(limit)}`, "score");
  ramp("0", ink, "1", "weight");
  element("span", "swatch masked", legend);
  const hides = [...scores].some((score, key) => key <= query && !Number.isFinite(score));
  element("span", "", legend, hides ? "may not be read" : "comes later");
}

// Scroll the sheet, never the page, until a column stands clear of the headings and of the
// token that reads, which always stays in sight.
function showColumn({ stage, tokens, table }, { query }, key) {
  const left = table.rows[0].cells[0].offsetWidth;
  table.style.setProperty("--labels", `${left}px`);
  if (key === query) return;
  const place = [...tokens].slice(0, key).reduce((sum, each) => sum + each.offsetWidth + 1, left);
  const right = key < query ? tokens[query].offsetWidth : 0;
  if (place - left < stage.scrollLeft) stage.scrollLeft = place - left;
  stage.scrollLeft = Math.max(stage.scrollLeft,
    place + tokens[key].offsetWidth + right + 4 - stage.clientWidth);
}
