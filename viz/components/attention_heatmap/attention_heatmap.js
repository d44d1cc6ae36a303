// One head's pattern: rows are queries ("reads"), columns keys ("is read"). Hover tells a
// weight, a click locks it, Esc clears, arrow keys move the cell.

export default function attentionHeatmap({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".attention_heatmap");
  const parts = prepareHeatmap(root, data.pieces.length);
  const map = { pieces: data.pieces, count: data.pieces.length,
    weights: decodeThousandths(data.weights), ink: inkTable(root) };
  map.picture = paintLevels(map.count, map.count, (cell) => {
    const weight = map.weights[cell];
    return weight === MASKED ? null : clamp(Math.round(weight * 0.255), 0, 255);
  }, map.ink);
  const state = { locked: data.selected, hovered: null };
  let sizes = null;

  const shown = () => state.hovered ?? state.locked;
  const update = () => {
    paintHeatmap(root, parts.canvas, map, sizes, shown());
    describeCell(parts.caption, map, shown(), Boolean(state.locked && !state.hovered));
  };
  const layout = () => { sizes = heatmapSizes(root, parts.canvas, map); update(); };
  function lock(cell) {
    state.locked = cell;
    state.hovered = null;
    update();
    setTriggerValue("picked", { value: cell });
  }

  parts.canvas.onmousemove = (event) => {
    state.hovered = cellAt(parts.canvas, map, sizes, event);
    update();
  };
  parts.canvas.onmouseleave = () => { state.hovered = null; update(); };
  parts.canvas.onclick = (event) => {
    const cell = cellAt(parts.canvas, map, sizes, event);
    if (cell) lock(cell);
  };
  parts.stage.onkeydown = (event) => {
    const step = arrowStep(event);
    if (step) {
      const from = shown() ?? [map.count - 1, 0];
      state.hovered = shown() ? from.map((place, axis) =>
        clamp(place + step[axis], 0, map.count - 1)) : from;
      update();
    } else if ((event.key === "Enter" || event.key === " ") && shown()) lock(shown());
    else if (event.key === "Escape") lock(null);
    else return;
    event.preventDefault();
  };
  return followWidth(root, layout);
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareHeatmap(root, count) {
  if (!root.parts) {
    const { caption, stage } = captionedStage(root);
    root.parts = { caption, stage, canvas: element("canvas", "", stage) };
  }
  root.parts.stage.setAttribute("aria-label",
    `Attention pattern of ${count} tokens. Arrow keys move the cell, Enter locks it, ` +
    "Escape clears.");
  return root.parts;
}

function cellAt(canvas, { count }, { left, top, cell }, event) {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left - left) / cell);
  const row = Math.floor((event.clientY - box.top - top) / cell);
  return row >= 0 && column >= 0 && row < count && column < count ? [row, column] : null;
}

function describeCell(caption, { pieces, count, weights }, cell, locked) {
  if (!cell) return say(caption, "Each row shows what one token reads. Point at a cell.");
  const [row, column] = cell;
  const weight = weights[row * count + column];
  const reader = { strong: pieces[row] };
  const read = { strong: pieces[column] };
  if (weight === MASKED)
    return say(caption, reader, " may not read ", read,
      column > row ? ", which comes later" : "");
  say(caption, reader, " reads ", read, ` with weight ${formatWeight(weight)}`,
    locked ? " · locked, Esc clears" : "");
}
