// The whole picture: its title, the model and step, the figures, and the caption below.

const MARGIN = 16;
const LEAST_WIDTH = 480;

// Compose one SVG out of figures. Throws an Error with words for the reader.
async function composePicture(figures, captions, root, data) {
  const page = svgElement("svg", { version: "1.1" });
  const paper = svgElement("rect", { x: 0, y: 0, fill: "#ffffff" }, page);
  const rows = await readFigures(figures, page, root, data);
  const width = Math.max(LEAST_WIDTH, ...rows.map((row) =>
    row.reduce((sum, figure) => sum + figure.width + MARGIN, MARGIN)));
  const pen = { page, y: MARGIN, room: SLACK * (width - 2 * MARGIN), family: themeColour(root, "--st-font"),
    colour: data.paper["--st-text-color"] };
  writeLines(pen, data.title, 16, "700");
  for (const line of data.lines) writeLines(pen, line, 12);
  pen.y += 8;
  for (const row of rows) {
    let x = MARGIN;
    for (const { group, width: across } of row) {
      group.setAttribute("transform", `translate(${rounded(x)} ${rounded(pen.y)})`);
      x += across + MARGIN;
    }
    pen.y += Math.max(...row.map(({ height }) => height)) + MARGIN;
  }
  for (const caption of [...captions, data.caption]) writeLines(pen, caption, 12);
  const size = [width, pen.y + MARGIN - 6].map(Math.ceil);
  for (const each of [page, paper])
    ["width", "height"].forEach((name, i) => { each.setAttribute(name, size[i]); });
  page.setAttribute("viewBox", `0 0 ${size.join(" ")}`);
  page.prepend(svgElement("title", {}, null, fitForXml(data.title)),
    svgElement("desc", {}, null, fitForXml([...data.lines, ...captions, data.caption].join("\n"))));
  return page;
}

// Read the figures one after the other, and tell which stand side by side.
async function readFigures(figures, page, root, data) {
  const rows = [];
  let floor = -Infinity;
  for (const figure of figures) {
    const group = svgElement("g", {}, page);
    const box = figure.getBoundingClientRect();
    const size = figure.shadowRoot
      ? readOnPaper(viewIn(figure), group, data.paper)
      : await readChart(figure, group, isDark(root) && lightened(root, data.paper, data.ramps));
    if (box.top >= floor || !rows.length) rows.push([]);
    rows.at(-1).push({ group, width: size.width, height: size.height });
    floor = Math.max(floor, box.bottom - box.height / 2);
  }
  return rows;
}

// Read a view in the colours of paper: it takes them, and gives them back before the
// screen is painted again.
function readOnPaper(view, group, paper) {
  const still = element("style", "", view.getRootNode(),
    "* { transition: none !important; animation: none !important; }");
  const before = view.getAttribute("style");
  for (const [name, colour] of Object.entries(paper)) view.style.setProperty(name, colour);
  const scrolled = [...view.querySelectorAll("*")]
    .filter((each) => each.scrollLeft || each.scrollTop)
    .map((each) => ({ each, left: each.scrollLeft, top: each.scrollTop }));
  view.noteStrokes = (canvas, context, density) => {
    canvas.notes = svgElement("g", {});
    return notingContext(context, canvas.notes, density);
  };
  try {
    view.drawAgain();
    // A wide table is saved whole, from its first column on.
    for (const { each } of scrolled) each.scrollTo({ left: 0, top: 0, behavior: "instant" });
    return readView(view, group);
  } finally {
    delete view.noteStrokes;
    if (before === null) view.removeAttribute("style");
    else view.setAttribute("style", before);
    view.drawAgain();
    for (const { each, left, top } of scrolled) each.scrollTo({ left, top, behavior: "instant" });
    still.remove();
  }
}

// Where the typeface is missing, another takes more room than was measured.
const SLACK = 0.86;

// Write a text below what was written last, in as many lines as it takes.
function writeLines(pen, text, size, weight = "400") {
  const context = document.createElement("canvas").getContext("2d");
  context.font = `${weight} ${size}px ${pen.family}`;
  let line = "";
  const put = () => {
    pen.y += 1.3 * size;
    setPaint(textShape(pen.page, line, { x: MARGIN, y: pen.y - 0.3 * size, size, weight,
      family: pen.family }), "fill", pen.colour);
  };
  for (const word of text.split(/\s+/).filter(Boolean).flatMap((word) => word.match(/.{1,60}/gu))) {
    const longer = line ? `${line} ${word}` : word;
    if (line && context.measureText(longer).width > pen.room) {
      put();
      line = word;
    } else line = longer;
  }
  if (line) put();
}
