// Painting a heat map: the mask below, then cells, labels, numbers, crosshair, legend.

const LEAST_CELL = 3;
const SMALL_CELL = 8; // To see a map whole, its cells shrink to this, not further.
const MOST_CELL = 56;
const PRINTED_CELL = 34; // From here on the weight fits into its cell.

function heatmapSizes(root, canvas, { pieces, count }) {
  const type = 0.82 * rem();
  const context = canvas.getContext("2d");
  context.font = fontOf(root, type, { code: true });
  const longest = Math.max(...pieces.map((piece) => context.measureText(piece).width));
  const labels = Math.min(longest, 7 * type, 0.3 * (root.clientWidth || 600));
  const heading = 1.5 * type;
  const left = heading + labels + 8;
  const room = (root.clientWidth || 600) - left - 4;
  const tall = Math.max(SMALL_CELL, (roomBelow() - left) / count);
  const cell = clamp(Math.min(room / count, tall), LEAST_CELL, MOST_CELL);
  return { type, labels, heading, left, top: left, cell: cell > 8 ? Math.floor(cell) : cell,
    legend: 3.6 * type };
}

function paintHeatmap(root, canvas, map, sizes, cell) {
  const { left, top, legend } = sizes;
  const side = map.count * sizes.cell;
  const width = Math.max(left + side + 2, left + 150);
  const context = sizedContext(canvas, width, top + side + legend);
  const text = themeColour(root, "--st-text-color");
  paintMask(context, left, top, side, text);
  context.imageSmoothingEnabled = false;
  eraseVisible(context, map, sizes, themeColour(root, "--st-background-color"));
  context.drawImage(map.picture, left, top, side, side);
  paintHeadings(root, context, sizes, text);
  paintLabels(root, context, map, sizes, cell, text);
  if (sizes.cell >= PRINTED_CELL) paintNumbers(root, context, map, sizes);
  if (cell) paintCrosshair(root, context, sizes, side, cell);
  paintLegend(root, context, map.ink, sizes, side, text);
}

// Masked is hatched: not zero, but not there to be read.
function paintMask(context, left, top, side, text) {
  context.save();
  context.beginPath();
  context.rect(left, top, side, side);
  context.clip();
  context.strokeStyle = text;
  context.globalAlpha = 0.13;
  context.lineWidth = 1;
  context.beginPath();
  for (let offset = 0; offset < 2 * side; offset += 7) {
    context.moveTo(left + offset, top);
    context.lineTo(left + offset - side, top + side);
  }
  context.stroke();
  context.restore();
}

// The picture has soft edges where a browser scales it; clear what lies under its cells.
function eraseVisible(context, { weights, count }, { left, top, cell }, background) {
  context.fillStyle = background;
  for (let row = 0; row < count; row++)
    for (let column = 0; column < count; column++)
      if (weights[row * count + column] !== MASKED)
        context.fillRect(left + column * cell, top + row * cell, cell, cell);
}

function paintHeadings(root, context, { left, top, type }, text) {
  context.fillStyle = text;
  context.font = fontOf(root, 0.9 * type, { weight: 650 });
  context.textBaseline = "top";
  context.textAlign = "left";
  context.fillText("is read →", left, 0);
  context.save();
  context.translate(0, top);
  context.rotate(-Math.PI / 2);
  context.textAlign = "right";
  context.fillText("← reads", 0, 0);
  context.restore();
}

function paintLabels(root, context, { pieces, count }, sizes, chosen, text) {
  const { left, top, cell, labels } = sizes;
  const size = clamp(cell - 1, 9, sizes.type);
  const every = Math.ceil((size + 1) / cell);
  context.fillStyle = text;
  context.textBaseline = "middle";
  for (let place = 0; place < count; place++) {
    const middle = (place + 0.5) * cell;
    const draw = (axis, put) => {
      // Where labels are thinned, the chosen one stands and its neighbours make room.
      const near = chosen && Math.abs(chosen[axis] - place) < every;
      if (chosen?.[axis] !== place && (near || place % every)) return;
      const strong = chosen?.[axis] === place;
      context.font = fontOf(root, size, { code: true, weight: strong ? 700 : 400 });
      context.globalAlpha = strong || !chosen ? 1 : 0.72;
      put(fitted(context, pieces[place], labels));
    };
    context.textAlign = "right";
    draw(0, (label) => context.fillText(label, left - 6, top + middle));
    context.save();
    context.translate(left + middle, top - 6);
    context.rotate(-Math.PI / 2);
    context.textAlign = "left";
    draw(1, (label) => context.fillText(label, 0, 0));
    context.restore();
  }
  context.globalAlpha = 1;
}

function paintNumbers(root, context, { weights, count, ink }, { left, top, cell, type }) {
  context.font = fontOf(root, Math.min(0.3 * cell, type), { code: true });
  context.textAlign = "center";
  context.textBaseline = "middle";
  weights.forEach((weight, i) => {
    if (weight === MASKED) return;
    context.fillStyle = textOn(ink[clamp(Math.round(weight * 0.255), 0, 255)]);
    const number = formatWeight(weight).replace(/^0\./, ".").replace("1.000", "1");
    context.fillText(number, left + ((i % count) + 0.5) * cell,
      top + (Math.floor(i / count) + 0.5) * cell);
  });
}

function paintCrosshair(root, context, { left, top, cell }, side, [row, column]) {
  context.strokeStyle = themeColour(root, "--st-primary-color");
  context.lineWidth = 1.5;
  context.strokeRect(left, top + row * cell, side, cell);
  context.strokeRect(left + column * cell, top, cell, side);
  // Light around the frame, so that it stands out on the darkest cell too.
  for (const [name, width] of [["--st-background-color", 5], ["--st-primary-color", 2.5]]) {
    context.strokeStyle = themeColour(root, name);
    context.lineWidth = width;
    context.strokeRect(left + column * cell, top + row * cell, cell, cell);
  }
}

function paintLegend(root, context, ink, { left, top, type }, side, text) {
  const width = clamp(side, 100, 180);
  const y = top + side + 0.8 * type;
  for (let x = 0; x < width; x++) {
    context.fillStyle = cssRgb(ink[Math.round((x / (width - 1)) * 255)]);
    context.fillRect(left + x, y, 1.5, 0.6 * type);
  }
  context.fillStyle = text;
  context.font = fontOf(root, 0.85 * type);
  context.textBaseline = "top";
  for (const [share, align] of [[0, "left"], [0.5, "center"], [1, "right"]]) {
    context.textAlign = align;
    context.fillText(String(share), left + share * width, y + 0.8 * type);
  }
  context.textAlign = "left";
  context.fillText("weight", left, y + 1.75 * type);
}
