// Along the text: how unsure the model was (entropy), and how surprised (−ln p).

const LINES_HEIGHT = 96;
const FOOT = 20; // For the tokens' names.
const NAME_ROOM = 34;
const MOST_DRAWN = 400; // Of a longer text, the newest tokens.

// Draw both lines; returns the way to mark one token. `hover` and `choose` are told of
// the pointer's token, so that text and lines move together.
function drawSurprise(parent, steps, { hover, choose }) {
  const first = Math.max(0, steps.length - MOST_DRAWN);
  const shown = steps.slice(first);
  parent.replaceChildren();
  if (shown.length < 2) return () => {};
  surpriseLegend(parent, first);
  const width = Math.max(240, parent.clientWidth || 600);
  const svg = svgElement("svg", {
    viewBox: `0 0 ${width} ${LINES_HEIGHT}`, height: LINES_HEIGHT, role: "img",
    "aria-label": "Surprise and entropy of each token, in nats; the text above says both.",
  }, parent);
  const most = Math.max(1, ...shown.flatMap(({ surprise, entropy }) => [surprise, entropy]));
  const left = 2.2 * rem();
  const x = (i) => left + ((i + 0.5) * (width - left - 4)) / shown.length;
  const y = (value) => 6 + (1 - value / most) * (LINES_HEIGHT - FOOT - 8);
  for (const value of [0, most]) {
    svgElement("line", { x1: left, x2: width, y1: y(value), y2: y(value), class: "rule" }, svg);
    svgElement("text", { x: left - 6, y: y(value) + 4, class: "tick" }, svg, value.toFixed(value ? 1 : 0));
  }
  for (const name of ["entropy", "surprise"]) {
    const points = shown.map((step, i) => `${x(i)},${y(step[name])}`).join(" ");
    svgElement("polyline", { points, class: name }, svg);
    if (shown.length <= 120) shown.forEach((step, i) =>
      svgElement("circle", { cx: x(i), cy: y(step[name]), r: 2.2, class: name }, svg));
  }
  const room = (width - left) / shown.length;
  const nameOf = (i) => [...shown[i].piece].slice(0, Math.max(4, room / 8)).join("");
  const named = room >= NAME_ROOM;
  const writeName = (i, kind) => svgElement("text",
    { x: x(i), y: LINES_HEIGHT - 5, class: `name ${kind}` }, svg, nameOf(i));
  if (named) shown.forEach((_, i) => writeName(i, ""));
  const mark = svgElement("line", { y1: 0, y2: LINES_HEIGHT - FOOT, class: "mark" }, svg);
  const here = named ? null : writeName(0, "here");
  const placeOf = (event) => {
    const box = svg.getBoundingClientRect();
    const along = ((event.clientX - box.left) * width) / box.width;
    const i = Math.floor(((along - left) * shown.length) / (width - left - 4));
    return first + clamp(i, 0, shown.length - 1);
  };
  svg.onmousemove = (event) => hover(placeOf(event));
  svg.onmouseleave = () => hover(null);
  svg.onclick = (event) => choose(placeOf(event));
  return (place) => {
    const inside = place !== null && place >= first;
    for (const each of [mark, here]) each?.setAttribute("visibility", inside ? "visible" : "hidden");
    if (!inside) return;
    for (const end of ["x1", "x2"]) mark.setAttribute(end, x(place - first));
    here?.setAttribute("x", x(place - first));
    if (here) here.textContent = nameOf(place - first);
  };
}

function surpriseLegend(parent, first) {
  const legend = element("div", "legend quiet", parent);
  for (const [name, words] of [["surprise", "surprise −ln p"], ["entropy", "entropy"]]) {
    element("span", `swatch ${name}`, legend);
    element("span", "", legend, words);
  }
  element("span", "", legend, first ? `nats · the last ${MOST_DRAWN} tokens` : "nats");
}
