// What else might have come at one step: a row per token, with two bars on one scale.

function drawAlternatives(panel, step, force) {
  if (!step) return panel.replaceChildren();
  const head = element("div", "row head quiet");
  for (const text of ["token", "model", "after filtering", ""]) element("span", "", head, text);
  const most = Math.max(0.01, ...step.alternatives.flatMap(({ raw, filtered }) => [raw, filtered]));
  panel.replaceChildren(head, ...step.alternatives.map((alternative) =>
    alternativeRow(alternative, alternative.token === step.token, most, force)));
}

function alternativeRow(alternative, came, most, force) {
  const row = element("button", "row");
  row.type = "button";
  row.disabled = came;
  if (!came) row.onclick = () => force(alternative.token);
  row.title = `${alternative.piece}: probability ${alternative.rawText}, ` +
    `after filtering ${alternative.filteredText}${came ? ", came" : ". Put it here instead"}`;
  element("span", "piece", row, alternative.piece);
  addBar(row, "raw", alternative.raw / most, alternative.rawText);
  addBar(row, "filtered", alternative.filtered / most,
    alternative.filtered > 0 ? alternative.filteredText : "removed");
  element("span", "hint quiet", row, came ? "came" : "force");
  return row;
}

function addBar(row, kind, share, text) {
  const cell = element("span", "cell", row);
  const track = element("span", "track", cell);
  // Two pixels at least for what is possible at all.
  const width = share > 0 ? `max(2px, ${clamp(share, 0, 1) * 100}%)` : "0";
  element("span", `bar ${kind}`, track).style.width = width;
  element("span", "number", cell, text);
}
