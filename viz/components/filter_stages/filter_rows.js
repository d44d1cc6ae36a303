// The bars of one draw: a row per token, which keeps its place at every stage.

function buildRows(parts, data, put, hover) {
  const key = [data.prompt, ...data.written, ...data.tokens].join("\u0000");
  if (parts.key !== key) {
    parts.key = key;
    const focused = parts.lines?.findIndex(({ row }) => row.matches(":focus")) ?? -1;
    parts.lines = data.pieces.map((piece) => buildRow(piece));
    parts.others = buildRow("others", "div");
    parts.others.row.classList.add("others");
    parts.rows.replaceChildren(buildHead(parts), ...parts.lines.map(({ row }) => row),
      parts.others.row);
    if (focused >= 0) parts.lines[Math.min(focused, parts.lines.length - 1)].row.focus();
  }
  parts.lines.forEach(({ row }, i) => {
    row.onclick = () => put(data.tokens[i]);
    row.onmouseenter = row.onfocus = () => hover(i);
    row.onmouseleave = row.onblur = () => hover(null);
    row.onkeydown = (event) => {
      const step = arrowStep(event);
      if (!step?.[0]) return;
      parts.lines[clamp(i + step[0], 0, parts.lines.length - 1)].row.focus();
      event.preventDefault();
      event.stopPropagation(); // The page has keys of its own.
    };
  });
}

function buildHead(parts) {
  const head = element("div", "row head quiet");
  for (const name of ["token", "logit"]) element("span", name, head, name);
  parts.scale = element("span", "probability", head);
  parts.lastColumn = element("span", "number", head);
  return head;
}

function buildRow(piece, tag = "button") {
  const row = element(tag, "row");
  if (tag === "button") row.type = "button";
  element("span", "piece", row, piece);
  const logit = element("span", "logit number", row);
  const track = element("span", "track", row);
  return {
    row, logit,
    ghost: element("span", "ghost", track),
    fill: element("span", "fill", track),
    note: element("span", "note", track),
    number: element("span", "number", row),
  };
}

// One scale for all stages, so that a bar that grows is a probability that grew.
function fillRows(parts, data, { stage }) {
  const { stages, race } = data;
  const here = stages[Math.min(stage, stages.length - 1)];
  const before = stages[Math.max(0, Math.min(stage, stages.length) - 1)];
  const drawing = stage === stages.length;
  const most = Math.max(...stages.flatMap(({ probabilities }) => probabilities));
  const width = (p) => p > 0 ? `max(2px, ${(100 * p) / most}%)` : "0";
  parts.scale.textContent = `probability (a full bar is ${probabilityWords(most)})`;
  parts.lastColumn.textContent = drawing && race ? "wait ÷ p" : "";
  parts.lines.forEach((line, i) => {
    const gone = here.logits[i] === null;
    const goesNow = gone && before.logits[i] !== null && !drawing;
    const won = drawing && data.tokens[i] === data.drawn;
    line.row.className = `row${gone ? " gone" : ""}${goesNow ? " goes" : ""}${won ? " won" : ""}`;
    line.fill.style.width = width(here.probabilities[i]);
    line.ghost.style.width = width(before.probabilities[i]);
    line.ghost.hidden = before.probabilities[i] === 0;
    line.logit.textContent = gone ? "−∞" : signed(here.logits[i]);
    const removed = here.name === "model" ? "0" : "removed";
    line.note.textContent = drawing ? drawWords(race, i, won, gone)
      : gone ? removed : "";
    line.number.textContent = drawing && race
      ? arrivalText(race.arrivals[i]) : here.texts[i];
    line.row.title = `${data.pieces[i]}: probability ${here.texts[i]}` +
      `${gone ? ", removed" : ""}${won ? ", drawn" : ""}. Append it`;
  });
  fillOthers(parts.others, data, here, drawing, width);
}

function fillOthers(line, { race }, here, drawing, width) {
  line.row.hidden = here.numOthers === 0;
  line.row.querySelector(".piece").textContent = `${here.numOthers} others`;
  line.fill.style.width = width(0);
  line.note.textContent = here.keptOthers
    ? `${here.keptOthers} of them stay, together ${here.othersText}` : "all removed";
  line.number.textContent = drawing && race ? arrivalText(race.firstOther) : "";
  line.row.title = drawing && race ? "The shortest of the others" : "";
}

function drawWords(race, i, won, gone) {
  if (gone) return "removed";
  if (!race) return won ? "★ the likeliest" : "";
  const wait = `wait ${race.waits[i].toFixed(2)}`;
  return won ? `★ shortest · ${wait}` : wait;
}

function arrivalText(value) {
  if (value === null) return "never";
  return value < 1000 ? value.toFixed(2) : "> 1000";
}

function signed(value) {
  return (value < 0 ? "−" : "") + Math.abs(value).toFixed(2);
}
