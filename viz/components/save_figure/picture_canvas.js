// Canvases as shapes: what is drawn on one is noted down, and small ones are read.

const MOST_PIXELS = 40_000; // A larger picture would be slow in every other program.

// A context that draws as the given one does, and notes each stroke as a shape in `notes`.
// `density` is how many of the canvas's pixels are one of the page's.
function notingContext(context, notes, density) {
  const hand = { context, notes, density, path: "", groups: [notes], clips: [] };
  return new Proxy(context, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...given) => {
        NOTED[name]?.(hand, ...given);
        return value.apply(target, given);
      };
    },
    set(target, name, value) {
      target[name] = value;
      return true;
    },
  });
}

const NOTED = {
  beginPath: (hand) => { hand.path = ""; },
  moveTo: (hand, x, y) => { hand.path += `M${spot(hand, x, y)}`; },
  lineTo: (hand, x, y) => { hand.path += `L${spot(hand, x, y)}`; },
  rect: (hand, x, y, width, height) => {
    const corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
    hand.path += `M${corners.map((corner) => spot(hand, ...corner)).join("L")}Z`;
  },
  fill: (hand) => noteFilled(hand, shapeIn(hand, "path", { d: hand.path })),
  stroke: (hand) => noteStroked(hand, shapeIn(hand, "path", { d: hand.path })),
  fillRect: (hand, ...box) => noteRect(hand, box),
  strokeRect: (hand, ...box) => noteStroked(hand, shapeIn(hand, "path", { d: boxPath(hand, box) })),
  fillText: noteText,
  drawImage: (hand, image, x, y, width, height) =>
    notePixels(hand.groups.at(-1), image, ...spot(hand, x, y),
      width * scaleOf(hand), height * scaleOf(hand)),
  save: (hand) => { hand.clips.push(hand.groups.length); },
  restore: (hand) => { hand.groups.length = hand.clips.pop() ?? hand.groups.length; },
  clip: (hand) => {
    const clip = svgElement("clipPath", { id: freshId("clip") }, hand.groups.at(-1));
    svgElement("path", { d: hand.path }, clip);
    hand.groups.push(svgElement("g", { "clip-path": `url(#${clip.id})` }, hand.groups.at(-1)));
  },
};

let idsGiven = 0;
function freshId(kind) {
  return `${kind}-${++idsGiven}`;
}

function rounded(value) {
  return Math.round(value * 100) / 100;
}

// Where a point lies on the page, after all that moved the canvas.
function spot({ context, density }, x, y) {
  const { a, b, c, d, e, f } = context.getTransform();
  return [(a * x + c * y + e) / density, (b * x + d * y + f) / density].map(rounded);
}

function scaleOf({ context, density }) {
  const { a, b } = context.getTransform();
  return Math.hypot(a, b) / density;
}

function boxPath(hand, [x, y, width, height]) {
  const corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
  return `M${corners.map((corner) => spot(hand, ...corner)).join("L")}Z`;
}

function shapeIn(hand, tag, attributes) {
  return svgElement(tag, attributes, hand.groups.at(-1));
}

function noteFilled({ context }, shape) {
  setPaint(shape, "fill", context.fillStyle, context.globalAlpha);
}

function noteStroked(hand, shape) {
  const { context } = hand;
  shape.setAttribute("fill", "none");
  setPaint(shape, "stroke", context.strokeStyle, context.globalAlpha);
  shape.setAttribute("stroke-width", rounded(context.lineWidth * scaleOf(hand)));
  const dashes = context.getLineDash();
  if (dashes.length) shape.setAttribute("stroke-dasharray", dashes.join(" "));
}

// Cells of one colour side by side are one shape.
function noteRect(hand, box) {
  const shape = shapeIn(hand, "path", { d: boxPath(hand, box), "shape-rendering": "crispEdges" });
  noteFilled(hand, shape);
  const [x, y, width, height] = box;
  const last = shape.previousSibling;
  const looks = `${shape.getAttribute("fill")} ${shape.getAttribute("fill-opacity")} ${y} ${height}`;
  if (last && last.looks === looks && Math.abs(last.box[0] + last.box[2] - x) < 0.01) {
    last.box[2] += width;
    last.setAttribute("d", boxPath(hand, last.box));
    shape.remove();
  } else Object.assign(shape, { looks, box: [x, y, width, height] });
}

function noteText(hand, text, x, y) {
  const { context } = hand;
  const baseline = context.textBaseline;
  const drop = context.measureText("x").actualBoundingBoxAscent;
  context.textBaseline = "alphabetic";
  const [left, top] = [x, y + context.measureText("x").actualBoundingBoxAscent - drop];
  context.textBaseline = baseline;
  const { a, b } = context.getTransform();
  const place = spot(hand, left, top);
  const turn = rounded(Math.atan2(b, a) * 180 / Math.PI);
  const [, style, size, family] = /^(.*?)([\d.]+)px (.*)$/.exec(context.font);
  const shape = textShape(hand.groups.at(-1), text, {
    x: place[0], y: place[1], size: Number(size), family,
    weight: /\d{3}|bold/.exec(style)?.[0] ?? "400",
    anchor: { right: "end", end: "end", center: "middle" }[context.textAlign] ?? "start" });
  if (turn) shape.setAttribute("transform", `rotate(${turn} ${place.join(" ")})`);
  noteFilled(hand, shape);
}

// A canvas's pixels as shapes, neighbours of one colour in a row as one.
function notePixels(parent, canvas, x, y, width, height) {
  const pixels = canvas.width * canvas.height;
  if (!pixels) return;
  if (pixels > MOST_PIXELS) {
    const image = svgElement("image", { x, y, width, height,
      preserveAspectRatio: "none", "image-rendering": "optimizeSpeed" }, parent);
    image.setAttributeNS("http://www.w3.org/1999/xlink", "xlink:href", canvas.toDataURL());
    return;
  }
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const paths = new Map();
  const across = width / canvas.width, down = height / canvas.height;
  for (let row = 0; row < canvas.height; row++)
    for (let column = 0; column < canvas.width;) {
      const colour = pixelAt(data, row * canvas.width + column);
      let end = column + 1;
      while (end < canvas.width && pixelAt(data, row * canvas.width + end) === colour) end++;
      const box = `M${rounded(x + column * across)} ${rounded(y + row * down)}` +
        `h${rounded((end - column) * across)}v${rounded(down)}h${-rounded((end - column) * across)}z`;
      if (colour) paths.set(colour, (paths.get(colour) ?? "") + box);
      column = end;
    }
  const group = svgElement("g", { "shape-rendering": "crispEdges" }, parent);
  for (const [colour, d] of paths)
    setPaint(svgElement("path", { d }, group), "fill", colour);
}

function pixelAt(data, pixel) {
  const [red, green, blue, alpha] = data.subarray(4 * pixel, 4 * pixel + 4);
  return alpha ? `rgba(${red},${green},${blue},${alpha / 255})` : "";
}
