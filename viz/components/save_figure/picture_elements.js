// A view as shapes: its boxes, borders and lines of text where they stand on the page.

// What only a screen can do is left out, and what says so.
const HINT = /\s*(· locked, Esc clears|· Esc closes|Esc goes back\.)$|^Point at a .*/;
const CONTROLS = "input, select, textarea, .bar > button, [data-control]";

// Read a view into a group whose origin is the view's upper left corner. Returns the size
// of all that it holds.
function readView(root, group) {
  const origin = root.getBoundingClientRect();
  const hand = { group, defs: svgElement("defs", {}, group), x: origin.left, y: origin.top,
    width: 0, height: 0 };
  readElement(root, hand);
  return hand;
}

function readElement(node, hand) {
  const style = getComputedStyle(node);
  if (style.display === "none" || Number(style.opacity) === 0 || node.matches(CONTROLS)) return;
  const box = node.getBoundingClientRect();
  const here = enterGroup(node, style, box, hand);
  if (style.visibility !== "hidden") drawBox(style, box, here);
  if (node.localName === "canvas") return drawCanvas(node, box, here);
  if (node.localName === "svg") return drawDrawing(node, box, here);
  if (node.localName === "img") return drawImage(node, box, here);
  readMark(node, "::before", box, here);
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) readText(child, style, here);
    else if (child.nodeType === Node.ELEMENT_NODE) readElement(child, here);
  }
  readMark(node, "::after", box, here);
}

// What is half transparent or cut off at its edge is a group of its own.
function enterGroup(node, style, box, hand) {
  const cuts = [style.overflowX, style.overflowY].some((flow) => /hidden|clip/.test(flow)) &&
    (node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1);
  if (Number(style.opacity) === 1 && !cuts) return hand;
  const group = svgElement("g", {}, hand.group);
  if (Number(style.opacity) < 1) group.setAttribute("opacity", style.opacity);
  if (cuts) {
    const clip = svgElement("clipPath", { id: freshId("clip") }, hand.defs);
    svgElement("rect", boxIn(box, hand), clip);
    group.setAttribute("clip-path", `url(#${clip.id})`);
  }
  // The size is kept by the outermost, whatever is drawn inside.
  return Object.create(hand, { group: { value: group }, whole: { value: hand.whole ?? hand },
    cut: { value: cuts || hand.cut } });
}

function boxIn(box, hand) {
  return { x: rounded(box.left - hand.x), y: rounded(box.top - hand.y),
    width: rounded(box.width), height: rounded(box.height) };
}

function reach(box, hand) {
  if (hand.cut) return;
  const whole = hand.whole ?? hand;
  whole.width = Math.max(whole.width, box.right - hand.x);
  whole.height = Math.max(whole.height, box.bottom - hand.y);
}

function drawBox(style, box, hand) {
  const fill = shadeOf(style.backgroundImage, hand.defs) ??
    hatchingOf(style.backgroundImage, hand.defs);
  const isFilled = readColour(style.backgroundColor)?.[3];
  if (!box.width || !box.height) return;
  const round = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.width / 2, box.height / 2);
  for (const paint of [isFilled && style.backgroundColor, fill].filter(Boolean)) {
    const shape = svgElement("rect", boxIn(box, hand), hand.group);
    if (round) shape.setAttribute("rx", rounded(round));
    setPaint(shape, "fill", paint);
    reach(box, hand);
  }
  drawBorders(style, box, round, hand);
}

function drawBorders(style, box, round, hand) {
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
    width: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
    colour: style[`border${side}Color`], kind: style[`border${side}Style`] }));
  if (!sides.some(({ width, colour }) => width && readColour(colour)?.[3])) return;
  reach(box, hand);
  const { x, y, width, height } = boxIn(box, hand);
  const [first] = sides;
  const isFrame = sides.every((side) => side.width === first.width && side.colour === first.colour);
  const half = first.width / 2;
  const lines = isFrame ? [null] : [[x, y, x + width, y], [x + width, y, x + width, y + height],
    [x, y + height, x + width, y + height], [x, y, x, y + height]];
  lines.forEach((line, n) => {
    const side = sides[n];
    if (!side.width || !readColour(side.colour)?.[3]) return;
    const shape = line
      ? svgElement("path", { d: `M${line[0]} ${line[1]}L${line[2]} ${line[3]}` }, hand.group)
      : svgElement("rect", { x: x + half, y: y + half, width: Math.max(0, width - 2 * half),
        height: Math.max(0, height - 2 * half), rx: rounded(round) }, hand.group);
    shape.setAttribute("fill", "none");
    setPaint(shape, "stroke", side.colour);
    shape.setAttribute("stroke-width", side.width);
    if (side.kind === "dashed") shape.setAttribute("stroke-dasharray", "4 3");
    if (side.kind === "dotted") shape.setAttribute("stroke-dasharray", "1 2");
  });
}

function drawCanvas(canvas, box, hand) {
  const { x, y } = boxIn(box, hand);
  reach(box, hand);
  if (canvas.notes) {
    const group = svgElement("g", { transform: `translate(${x} ${y})` }, hand.group);
    group.append(...[...canvas.notes.childNodes].map((each) => each.cloneNode(true)));
  } else notePixels(hand.group, canvas, x, y, box.width, box.height);
}

function drawDrawing(svg, box, hand) {
  if (!box.width || !box.height) return;
  reach(box, hand);
  const place = { ...boxIn(box, hand), overflow: "visible" };
  for (const name of ["viewBox", "preserveAspectRatio"])
    if (svg.hasAttribute(name)) place[name] = svg.getAttribute(name);
  const copy = svgElement("svg", place, hand.group);
  const prefix = `${freshId("drawing")}-`;
  for (const child of svg.children) copyDrawing(child, copy, prefix);
}

function drawImage(image, box, hand) {
  reach(box, hand);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
  if (!canvas.width) return;
  canvas.getContext("2d").drawImage(image, 0, 0);
  const { x, y } = boxIn(box, hand);
  notePixels(hand.group, canvas, x, y, box.width, box.height);
}

// Words that only the style sheet knows, such as the number below a token.
function readMark(node, name, box, hand) {
  const style = getComputedStyle(node, name);
  const text = /^"(.*)"$/.exec(style.content)?.[1];
  if (!text?.trim()) return;
  const size = parseFloat(style.fontSize);
  const isBelow = name === "::after";
  writeLine(text, { left: isBelow ? box.left + box.width / 2 : box.left,
    top: isBelow ? box.bottom - 1.2 * size : box.top, height: 1.2 * size }, style, hand,
  isBelow ? "middle" : "start");
}

// A text, line by line as the browser broke it.
function readText(node, style, hand) {
  if (!node.data.trim() || style.visibility === "hidden") return;
  const range = document.createRange();
  const lines = [];
  let place = 0;
  for (const letter of node.data) {
    range.setStart(node, place);
    range.setEnd(node, place += letter.length);
    const box = [...range.getClientRects()].find(({ width }) => width);
    if (!box) continue; // a space that the browser dropped
    const line = lines.at(-1);
    if (line && Math.abs(line.top - box.top) < box.height / 2) {
      line.text += letter;
      line.right = box.right;
    } else lines.push({ text: letter, left: box.left, top: box.top, right: box.right,
      bottom: box.bottom, height: box.height });
  }
  for (const line of lines) {
    reach(line, hand);
    writeLine(line.text.replace(/\s/g, " ").replace(HINT, ""), line, style, hand);
  }
}

function writeLine(text, { left, right, top, height }, style, hand, anchor = "start") {
  const y = top - hand.y + height * ascentOf(style);
  const shape = textShape(hand.group, text, { x: left - hand.x, y,
    size: parseFloat(style.fontSize), family: style.fontFamily, weight: style.fontWeight,
    style: style.fontStyle, anchor });
  if (style.textDecorationLine.includes("underline"))
    shape.setAttribute("text-decoration", "underline");
  if (style.textDecorationLine.includes("line-through"))
    shape.setAttribute("text-decoration", "line-through");
  setPaint(shape, "fill", style.color);
  const whole = hand.whole ?? hand;
  const { line } = whole;
  whole.line = { shape, right, y };
  if (line?.shape.parentNode !== hand.group || Math.abs(line.y - y) > 3 ||
      Math.abs(line.right - left) > 1) return;
  // Where the typeface is missing, words are wider: what follows them must move along.
  const run = svgElement("tspan", { "font-weight": style.fontWeight,
    "font-style": style.fontStyle }, line.shape, shape.textContent);
  for (const { name, value } of shape.attributes)
    if (!["x", "y", "xml:space"].includes(name)) run.setAttribute(name, value);
  line.shape.setAttributeNS(XML, "xml:space", "preserve");
  shape.remove();
  whole.line.shape = line.shape;
}

// What share of a line's height lies above the line that the letters stand on.
function ascentOf(style) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = context.measureText("x");
  return above / (above + below);
}
