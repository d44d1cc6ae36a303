// The shapes that a picture is made of: text, boxes, shades, and drawings inside the page.

const XML = "http://www.w3.org/XML/1998/namespace";
const FALLBACKS = { mono: "'DejaVu Sans Mono', Menlo, Consolas, monospace",
  sans: "'Source Sans Pro', Arial, Helvetica, sans-serif" };

// What XML 1.0 has no place for: a token may be a control character or half a letter.
function fitForXml(text) {
  return text.toWellFormed()
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, "\ufffd");
}

// A line of text. The family is a name and what to take where it is missing.
function textShape(parent, text, { x, y, size, family, weight = "400", style = "normal", anchor = "start" }) {
  const shape = svgElement("text", { x: rounded(x), y: rounded(y), "font-size": rounded(size),
    "font-family": familyOf(family) }, parent, fitForXml(text));
  if (weight !== "400" && weight !== "normal") shape.setAttribute("font-weight", weight);
  if (style !== "normal") shape.setAttribute("font-style", style);
  if (anchor !== "start") shape.setAttribute("text-anchor", anchor);
  if (text !== text.trim() || text.includes("  "))
    shape.setAttributeNS(XML, "xml:space", "preserve");
  return shape;
}

function familyOf(family) {
  const names = family.split(",").map((name) => name.trim().replace(/^["']|["']$/g, ""));
  const kind = /mono|code/i.test(family) ? "mono" : "sans";
  return `'${names[0]}', ${FALLBACKS[kind]}`;
}

// A colour that changes from left to right; null if the style has none.
function shadeOf(image, parent) {
  const way = /^linear-gradient\((?:90deg|to right), (.*)\)$/.exec(image);
  if (!way) return null;
  const colours = way[1].match(/[a-z-]+\([^)]*\)|#[0-9a-f]+/g) ?? [];
  const shade = svgElement("linearGradient", { id: freshId("shade") }, parent);
  colours.forEach((colour, i) => {
    const stop = svgElement("stop", { offset: rounded(i / (colours.length - 1)) }, shade);
    const [red, green, blue, alpha] = readColour(colour) ?? [0, 0, 0, 0];
    stop.setAttribute("stop-color", hexOf([red, green, blue]));
    if (alpha < 1) stop.setAttribute("stop-opacity", alpha);
  });
  return `url(#${shade.id})`;
}

// Hatching, in the first of its colours that can be seen.
function hatchingOf(image, parent) {
  if (!image.startsWith("repeating-linear-gradient")) return null;
  const colours = image.match(/[a-z-]+\([^()]*\)/g) ?? [];
  const seen = colours.find((colour) => readColour(colour)?.[3]);
  if (!seen) return null;
  const hatching = svgElement("pattern", { id: freshId("hatching"), width: 6, height: 6,
    patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, parent);
  const line = svgElement("path", { d: "M0 0V6", "stroke-width": 3 }, hatching);
  setPaint(line, "stroke", seen);
  return `url(#${hatching.id})`;
}

const PAINTED = ["path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan"];
const KEPT_STYLES = ["stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"];
const SKIPPED = ["title", "desc", "style", "script", "foreignObject"];

// Copy a drawing's element, with the colours and type that its style sheet gives it.
function copyDrawing(node, parent, prefix) {
  if (SKIPPED.includes(node.localName)) return;
  const style = getComputedStyle(node);
  if (style.display === "none" && !node.closest("defs")) return;
  const copy = svgElement(node.localName, plainAttributes(node, prefix), parent);
  if (style.transform !== "none") copy.setAttribute("transform", style.transform);
  if (Number(style.opacity) < 1) copy.setAttribute("opacity", style.opacity);
  if (PAINTED.includes(node.localName)) {
    if (style.visibility === "hidden") return copy.remove();
    paintDrawing(copy, node, style, prefix);
  }
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE && child.data.trim())
      copy.append(fitForXml(child.data));
    else if (child.nodeType === Node.ELEMENT_NODE) copyDrawing(child, copy, prefix);
  }
}

function plainAttributes(node, prefix) {
  const kept = [...node.attributes].filter(({ name }) =>
    !/^(class|style|role|tabindex|xmlns.*|dominant-baseline|aria-.*|data-.*|on.*)$/.test(name));
  return Object.fromEntries(kept.map(({ name, value }) => [name,
    name === "id" ? prefix + value : inOwnNames(value, prefix)]));
}

// Two drawings in one picture may use the same names inside.
function inOwnNames(value, prefix) {
  return value.replace(/url\(["']?#([^)"']+)["']?\)/g, `url(#${prefix}$1)`);
}

function paintDrawing(copy, node, style, prefix) {
  const isText = ["text", "tspan"].includes(node.localName);
  setPaint(copy, "fill", inOwnNames(style.fill, prefix), Number(style.fillOpacity));
  if (style.stroke !== "none") {
    setPaint(copy, "stroke", inOwnNames(style.stroke, prefix), Number(style.strokeOpacity));
    for (const name of KEPT_STYLES) copy.setAttribute(name, style.getPropertyValue(name));
  }
  if (!isText) return;
  copy.setAttribute("font-family", familyOf(style.fontFamily));
  copy.setAttribute("font-size", parseFloat(style.fontSize));
  copy.setAttribute("font-weight", style.fontWeight);
  copy.setAttribute("text-anchor", style.textAnchor);
  const drop = { middle: 0.33, central: 0.33, hanging: 0.8 }[style.dominantBaseline];
  if (drop && node.localName === "text" && !node.hasAttribute("dy"))
    copy.setAttribute("dy", `${drop}em`);
}
