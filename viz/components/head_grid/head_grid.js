// Every head's pattern on one canvas: layers down, heads across. Hover magnifies, a click
// or Enter selects.

const DENSE = 32; // Pixels: below this, thumbnails stand closer and bars are thin.
const MAGNIFIED = 208;

export default function headGrid({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".head_grid");
  const patterns = data.delivered ? delivered(data.delivered) : data;
  root.stopWaiting?.();
  if (!patterns) {
    root.stopWaiting = awaitDelivery(data.delivered, () => root.drawAgain());
    return root.stopWaiting;
  }
  const parts = prepareGrid(root, data);
  const thumbnails = thumbnailsOf(patterns, data, inkTable(root));
  const state = { selected: data.selected, cursor: data.selected ?? [0, 0] };
  let sizes = null;

  const paint = () =>
    paintGrid(root, parts.canvas, { data, state, sizes, thumbnails, side: patterns.side });
  const layout = () => {
    sizes = gridSizes(root, data);
    parts.stage.style.maxHeight = `${sizes.tallest}px`;
    paint();
    bringIntoView(parts.stage, state.selected, sizes);
  };
  const describe = (place) => describeHead(parts.caption, data, place);

  function select(place) {
    state.selected = state.cursor = place;
    paint();
    describe(place);
    setTriggerValue("picked", { value: place });
  }
  function preview(place, event) {
    parts.magnifier.hidden = !place;
    describe(place ?? state.selected);
    if (place) magnify(root, parts, thumbnails[place[0] * data.heads + place[1]], data, place, event);
  }

  parts.canvas.onmousemove = (event) => preview(headAt(parts.canvas, sizes, data, event), event);
  parts.canvas.onmouseleave = () => preview(null);
  parts.canvas.onclick = (event) => {
    const place = headAt(parts.canvas, sizes, data, event);
    if (place) select(place);
  };
  parts.stage.onfocus = parts.stage.onblur = paint;
  parts.stage.onkeydown = (event) => {
    const step = arrowStep(event);
    if (step) {
      state.cursor = [
        clamp(state.cursor[0] + step[0], 0, data.layers - 1),
        clamp(state.cursor[1] + step[1], 0, data.heads - 1),
      ];
      paint();
      bringIntoView(parts.stage, state.cursor, sizes);
      describe(state.cursor);
    } else if (event.key === "Enter" || event.key === " ") select(state.cursor);
    else if (event.key === "Escape") preview(null);
    else return;
    event.preventDefault();
  };
  describe(state.selected);
  return followWidth(root, layout);
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareGrid(root, data) {
  if (!root.parts) {
    const { caption, stage } = captionedStage(root);
    const canvas = element("canvas", "", stage);
    const magnifier = element("div", "magnifier", root);
    const name = element("span", "", magnifier);
    root.parts = { caption, stage, canvas, magnifier, name, lens: element("canvas", "", magnifier) };
  }
  root.parts.magnifier.hidden = true;
  root.parts.stage.setAttribute("aria-label",
    `Attention of ${data.layers} layers by ${data.heads} heads. ` +
    "Arrow keys move, Enter selects.");
  return root.parts;
}

// Painted once for each ramp of colours, which a dark page turns round.
function thumbnailsOf(patterns, data, ink) {
  const ramp = ink.join();
  if (patterns.painted?.ramp !== ramp)
    patterns.painted = { ramp, thumbnails: paintThumbnails(patterns, data, ink) };
  return patterns.painted.thumbnails;
}

// One small canvas per head. Masked is blank, not zero; a causal model sends no later cells.
function paintThumbnails({ weights: packed, side, causal }, data, ink) {
  const weights = decodeBytes(packed);
  const cells = causal ? (side * (side + 1)) / 2 : side ** 2;
  return headsOf(data).map(([layer, head]) => {
    const first = (layer * data.heads + head) * cells;
    return paintLevels(side, side, (cell) => {
      if (!causal) return weights[first + cell];
      const row = Math.floor(cell / side);
      const column = cell % side;
      return column > row ? null : weights[first + (row * (row + 1)) / 2 + column];
    }, ink);
  });
}

function headsOf({ layers, heads }) {
  return Array.from({ length: layers * heads }, (_, i) => [Math.floor(i / heads), i % heads]);
}

function gridSizes(root, data) {
  const type = Math.min(0.75 * rem(), 18);
  const left = 2.4 * type;
  const top = 1.8 * type;
  const room = ((root.clientWidth || 600) - left) / data.heads;
  const dense = room < DENSE;
  const gap = dense ? 3 : 5;
  const bar = !data.scores ? 0 : dense ? 4 : 9;
  const wide = Math.floor(room - gap);
  // To see all layers at once, thumbnails shrink to 32 pixels, not further.
  const tall = Math.max(32, Math.floor((roomBelow() - top) / data.layers) - gap - bar);
  const cell = clamp(Math.min(wide, tall), 8, 112);
  return { type, left, top, bar, dense, cell, across: cell + gap, down: cell + gap + bar,
    tallest: 1.2 * roomBelow() };
}

// A tall grid scrolls inside itself: the head in question should be in sight.
function bringIntoView(stage, place, { top, down, cell }) {
  if (!place) return;
  const y = top + place[0] * down;
  const above = y - top < stage.scrollTop;
  const below = y + cell > stage.scrollTop + stage.clientHeight;
  if (above || below) stage.scrollTop = y - stage.clientHeight / 2;
}

function paintGrid(root, canvas, { data, state, sizes, thumbnails, side }) {
  const { left, top, cell, across, down, type } = sizes;
  const context = sizedContext(canvas, left + data.heads * across, top + data.layers * down);
  const text = themeColour(root, "--st-text-color");
  context.fillStyle = text;
  context.font = fontOf(root, type, { weight: 600 });
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (let head = 0; head < data.heads; head++)
    if (isNamed(head, across, type))
      context.fillText(data.heads > 9 && cell < 28 ? head : `H${head}`,
        left + head * across + cell / 2, top / 2);
  context.textAlign = "right";
  for (let layer = 0; layer < data.layers; layer++)
    if (isNamed(layer, down, type))
      context.fillText(`L${layer}`, left - 6, top + layer * down + cell / 2);
  for (const [layer, head] of headsOf(data)) {
    const x = left + head * across;
    const y = top + layer * down;
    // Smooth when shrinking, or thin diagonals flicker; sharp when enlarging.
    context.imageSmoothingEnabled = side > cell;
    context.drawImage(thumbnails[layer * data.heads + head], x, y, cell, cell);
    context.strokeStyle = themeColour(root, "--st-border-color");
    context.lineWidth = 1;
    context.strokeRect(x - 0.5, y - 0.5, cell + 1, cell + 1);
    if (data.scores) paintScore(root, context, data, [layer, head], sizes, x, y);
    paintName(root, context, nameOf(data, [layer, head]), sizes, x, y);
  }
  const frame = ([layer, head], width) => {
    context.strokeStyle = themeColour(root, "--st-primary-color");
    context.lineWidth = width;
    const half = width / 2;
    context.strokeRect(left + head * across - half, top + layer * down - half,
      cell + width, cell + width);
  };
  if (state.selected) frame(state.selected, 3);
  if (root.parts.stage.matches(":focus-visible")) {
    context.setLineDash([4, 3]);
    frame(state.cursor, 2);
  }
}

// Where thumbnails are small, every second (third …) layer and head is named.
function isNamed(place, step, type) {
  return place % Math.ceil((1.3 * type) / step) === 0;
}

// The score as a bar, full at the limit; the band as a mark across it. Inside the band a
// score means nothing, and the bar is faint.
function paintScore(root, context, data, [layer, head], { cell, dense }, x, y) {
  const score = data.scores[layer][head];
  const along = (value) => cell * clamp((value ?? 0) / data.limit, 0, 1);
  const [low, high] = bandOf(data, [layer, head]);
  const inside = low !== null && score !== null && low <= score && score <= high;
  const height = dense ? 2 : 4;
  const top = y + cell + (dense ? 1.5 : 4);
  const text = themeColour(root, "--st-text-color");
  context.fillStyle = text;
  context.globalAlpha = 0.14;
  context.fillRect(x, top, cell, height);
  context.globalAlpha = inside ? 0.4 : 1;
  context.fillStyle = inside ? text : themeColour(root, "--st-primary-color");
  context.fillRect(x, top, along(score), height);
  if (low !== null) {
    const margin = dense ? 0 : 2;
    const band = [x + along(low), top - margin, Math.max(2, along(high) - along(low)),
      height + 2 * margin];
    context.globalAlpha = dense ? 0.7 : 0.3;
    context.fillStyle = context.strokeStyle = text;
    context.fillRect(...band);
    context.globalAlpha = 0.8;
    context.lineWidth = 1;
    if (!dense) context.strokeRect(...band);
  }
  context.globalAlpha = 1;
}

function bandOf(data, [layer, head]) {
  return [data.low?.[layer][head] ?? null, data.high?.[layer][head] ?? null];
}

function nameOf(data, [layer, head]) {
  return data.names?.find((each) => each[0] === layer && each[1] === head)?.[2] ?? "";
}

// What the reader calls a head, on the upper right, where a causal pattern is blank. Where
// there is no room for letters, a mark tells that it has a name.
function paintName(root, context, name, { cell, type }, x, y) {
  if (!name) return;
  const size = 0.8 * type;
  const right = x + cell - 2;
  context.font = fontOf(root, size, { weight: 650 });
  const words = cell < 44 ? "•" : fitted(context, name, 0.86 * cell);
  const width = context.measureText(words).width;
  context.globalAlpha = 0.8;
  context.fillStyle = themeColour(root, "--st-background-color");
  context.fillRect(right - width - 2, y + 1, width + 3, 1.2 * size);
  context.globalAlpha = 1;
  context.fillStyle = themeColour(root, "--st-text-color");
  context.textAlign = "right";
  context.textBaseline = "top";
  context.fillText(words, right, y + 2);
}

function headAt(canvas, { left, top, across, down }, data, event) {
  const box = canvas.getBoundingClientRect();
  const head = Math.floor((event.clientX - box.left - left) / across);
  const layer = Math.floor((event.clientY - box.top - top) / down);
  const inside = head >= 0 && layer >= 0 && head < data.heads && layer < data.layers;
  return inside ? [layer, head] : null;
}

function scoreText(data, [layer, head]) {
  const score = data.scores?.[layer][head];
  return score === null || score === undefined ? "" : ` · ${data.scoreName} ${score.toFixed(3)}`;
}

function bandText(data, place) {
  const [low, high] = bandOf(data, place);
  return low === null ? "" : ` (${low.toFixed(3)}–${high.toFixed(3)})`;
}

function describeHead(caption, data, place) {
  if (!place) return say(caption, `${data.layers} × ${data.heads} heads. Choose one.`);
  const name = nameOf(data, place);
  say(caption, { strong: `L${place[0]}H${place[1]}` }, name && ` “${name}”`,
    scoreText(data, place), bandText(data, place));
}

function magnify(root, parts, thumbnail, data, place, event) {
  const context = sizedContext(parts.lens, MAGNIFIED, MAGNIFIED);
  context.imageSmoothingEnabled = false;
  context.drawImage(thumbnail, 0, 0, MAGNIFIED, MAGNIFIED);
  const name = nameOf(data, place);
  parts.name.textContent =
    `L${place[0]}H${place[1]}${name && ` “${name}”`}${scoreText(data, place)}`;
  const box = root.getBoundingClientRect();
  const width = parts.magnifier.offsetWidth;
  const height = parts.magnifier.offsetHeight;
  const x = event.clientX - box.left;
  const right = event.clientX + 18 + width < window.innerWidth;
  parts.magnifier.style.left = `${right ? x + 18 : Math.max(-box.left + 4, x - 18 - width)}px`;
  // Beside the pointer, but inside the window.
  const above = clamp(event.clientY - height / 2, 4, Math.max(4, window.innerHeight - height - 4));
  parts.magnifier.style.top = `${above - box.top}px`;
}
