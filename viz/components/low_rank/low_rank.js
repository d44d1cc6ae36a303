// A change of a weight as a product, laid out as one multiplies: A above, B at the left,
// and where row i and column j meet, ΔW[i, j] = Σ B[i, r] · A[r, j].

const STRIP = 12; // Least height of a row of A and width of a column of B, in pixels.

export default function lowRank({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".low_rank");
  root.parts ??= captionedStage(root);
  const { caption, stage } = root.parts;
  root.legend ??= element("div", "legend quiet", root);
  root.sizes = { out: data.out, in: data.in, rank: data.rank };
  const product = unpackProduct(data);
  const shades = signedTable(root);
  const state = { selected: data.selected, hovered: null };
  let view = null;

  function draw() {
    const place = state.hovered ?? state.selected;
    paintProduct(view, product, shades, place, root);
    describeCell(caption, data, product, place, state.hovered === null);
  }
  function layout() {
    view = layOut(root, stage, data);
    draw();
  }
  function select(place) {
    state.selected = place;
    state.hovered = null;
    draw();
    setTriggerValue("picked", { value: place });
  }
  const hover = (place) => { state.hovered = place; draw(); };

  root.stopWatching?.();
  root.stopWatching = followWidth(root, layout);
  paintEnds(root.legend, product, shades);
  stage.setAttribute("aria-label",
    `${data.name}: B times A. Arrow keys move, Enter locks, Escape clears.`);
  stage.onmousemove = (event) => hover(cellAt(view, data, event));
  stage.onmouseleave = () => hover(null);
  stage.onclick = (event) => {
    const place = cellAt(view, data, event);
    if (place) select(place);
  };
  stage.onkeydown = (event) => {
    const here = state.hovered ?? state.selected ?? [0, 0];
    const step = arrowStep(event);
    if (step) hover([clamp(here[0] + step[0], 0, data.out - 1),
      clamp(here[1] + step[1], 0, data.in - 1)]);
    else if (event.key === "Enter" || event.key === " ") select(here);
    else if (event.key === "Escape") select(null);
    else return;
    event.preventDefault();
    event.stopPropagation(); // The page has keys of its own.
  };
}

// The two matrices as sent, and their product, computed here: nothing else is drawn.
function unpackProduct({ out, in: width, rank, a, b }) {
  const left = decodeFloats(b), right = decodeFloats(a);
  const change = new Float32Array(out * width);
  for (let i = 0; i < out; i++)
    for (let r = 0; r < rank; r++) {
      const weight = left[i * rank + r];
      for (let j = 0; j < width; j++) change[i * width + j] += weight * right[r * width + j];
    }
  return { a: right, b: left, change, most: [largest(right), largest(left), largest(change)] };
}

function decodeFloats(packed) {
  return new Float32Array(decodeBytes(packed).buffer);
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
}

// Where the three matrices stand. ΔW is as large as the room allows, its shape kept.
function layOut(root, stage, data) {
  const strip = data.rank * clamp(Math.floor(96 / data.rank), 2, STRIP);
  const gap = 0.5 * rem(), label = 1.3 * rem();
  const width = Math.max(60, Math.min(root.clientWidth - strip - gap - 2, 560));
  const height = Math.max(60, Math.min(width * data.out / data.in, roomBelow()));
  const across = Math.min(width, Math.max(120, height * data.in / data.out));
  root.canvas ??= element("canvas", "", stage);
  const size = [strip + gap + across + 2, label + strip + gap + height + 2];
  const context = sizedContext(root.canvas, ...size);
  return {
    context, size, label,
    a: { x: strip + gap, y: label, width: across, height: strip },
    b: { x: 0, y: label + strip + gap, width: strip, height },
    change: { x: strip + gap, y: label + strip + gap, width: across, height },
  };
}

function paintProduct(view, product, shades, place, root) {
  const { context, size, label } = view;
  const { out, in: width, rank } = root.sizes;
  context.clearRect(0, 0, ...size);
  context.imageSmoothingEnabled = false;
  const parts = [["a", rank, width, product.most[0]], ["b", out, rank, product.most[1]],
    ["change", out, width, product.most[2]]];
  parts.forEach(([name, rows, columns, most]) => {
    const box = view[name], values = product[name];
    const picture = paintLevels(columns, rows,
      (cell) => 127 + Math.round(127 * clamp(values[cell] / most, -1, 1)), shades);
    context.drawImage(picture, box.x, box.y, box.width, box.height);
    context.strokeStyle = themeColour(root, "--st-border-color");
    context.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  });
  context.fillStyle = themeColour(root, "--st-text-color");
  context.font = fontOf(root, 0.85 * rem(), { weight: 600 });
  context.fillText("A", view.a.x, label - 5);
  context.fillText("B", 0, view.b.y - 5);
  if (place) markCell(view, root, place);
}

// Row i of B, column j of A, and the cell where they meet.
function markCell({ context, a, b, change }, root, [i, j]) {
  const { out, in: width } = root.sizes;
  const tall = change.height / out, wide = change.width / width;
  const thick = Math.max(3, tall), broad = Math.max(3, wide);
  const y = change.y + (i + 0.5) * tall - thick / 2, x = change.x + (j + 0.5) * wide - broad / 2;
  context.strokeStyle = themeColour(root, "--st-text-color");
  context.lineWidth = 1.5;
  context.strokeRect(b.x + 1, y, b.width - 2, thick);
  context.strokeRect(x, a.y + 1, broad, a.height - 2);
  context.strokeRect(x - 2, y - 2, broad + 4, thick + 4);
  context.lineWidth = 1;
}

function cellAt({ change }, data, event) {
  const box = event.currentTarget.querySelector("canvas").getBoundingClientRect();
  const x = event.clientX - box.left - change.x, y = event.clientY - box.top - change.y;
  if (x < 0 || y < 0 || x >= change.width || y >= change.height) return null;
  return [Math.floor(y / change.height * data.out), Math.floor(x / change.width * data.in)];
}

function describeCell(caption, data, product, place, isLocked) {
  if (!place) return say(caption, "Point into ΔW: row of B times column of A.");
  const [i, j] = place;
  const terms = Array.from({ length: Math.min(3, data.rank) }, (_, r) =>
    `${signed(product.b[i * data.rank + r])}·${signed(product.a[r * data.in + j])}`);
  const rest = data.rank > 3 ? ` + … (${data.rank} products)` : "";
  say(caption, { strong: `ΔW[${i}, ${j}] = ${signed(product.change[i * data.in + j])}` },
    ` = ${terms.join(" + ")}${rest}`, isLocked ? " · locked, Esc clears" : "");
}

function signed(value) {
  return value.toFixed(4).replace("-", "−");
}

// Each matrix has its own range, said in numbers; the shades are the pictures' own.
function paintEnds(legend, product, shades) {
  legend.replaceChildren();
  element("span", "", legend, "−");
  element("span", "ramp", legend).style.background =
    `linear-gradient(90deg, ${shades.filter((_, i) => i % 14 === 0).map(cssRgb).join(",")})`;
  const [a, b, change] = product.most.map((most) => most.toPrecision(2));
  element("span", "", legend, `+ · fullest: A ${a}, B ${b}, ΔW ${change}`);
}
