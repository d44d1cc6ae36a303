// Two buttons that save the figure beside them as a picture.

const MOST_ACROSS = 8192; // Pixels that a browser's canvas surely takes.
const DENSITY = 3; // Pixels of the PNG for each of the page's: about 300 per inch.
const NO_FIGURES = ["print_button", "tour", "save_figure", "keyboard"];

export default function saveFigure({ data, parentElement }) {
  const root = parentElement.querySelector(".save_figure");
  const parts = prepareSaving(root);
  const save = (make, ending) => async () => {
    parts.buttons.forEach((button) => { button.disabled = true; });
    try {
      const found = figuresBeside(data);
      const page = await composePicture(found.figures, found.captions, root, data);
      handOver(await make(page, root), `${data.file}.${ending}`);
      parts.said.textContent = `Saved as ${data.file}.${ending}.`;
    } catch (problem) {
      parts.said.textContent = problem.message;
    }
    parts.buttons.forEach((button) => { button.disabled = false; });
  };
  parts.buttons[0].onclick = save(asPng, "png");
  parts.buttons[1].onclick = save(asSvg, "svg");
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareSaving(root) {
  if (root.parts) return root.parts;
  const row = element("div", "row", root);
  const buttons = ["PNG", "SVG"].map((name) => element("button", "", row, name));
  for (const button of buttons) button.type = "button";
  const said = element("p", "said quiet", root);
  said.setAttribute("aria-live", "polite");
  return root.parts = { buttons, said };
}

function viewIn(host) {
  return host.shadowRoot?.querySelector(".view");
}

// The figures above an anchor and below the one before it, and what the page says below
// them.
function figuresBeside({ anchor, anchors }) {
  const isSeen = (node) => node.getClientRects().length > 0;
  const all = [...document.querySelectorAll("[data-testid=stVegaLiteChart], " +
    `[data-testid=stBidiComponentIsolated], [data-testid=stCaptionContainer], [class*="${anchors}"]`)];
  const kinds = all.filter(isSeen).map((node) => ({ node, kind: kindOf(node, anchors) }))
    .filter(({ kind }) => kind);
  const here = kinds.findIndex(({ node }) => node.classList.contains(anchor));
  const above = kinds.slice(0, here);
  const before = above.findLastIndex(({ kind }) => kind === "anchor");
  const near = above.slice(before + 1);
  const isFigure = ({ kind }) => kind === "figure";
  const figures = near.filter(isFigure).map(({ node }) => node);
  if (!figures.length) throw new Error("There is no picture here; the numbers can be saved.");
  const first = near.findIndex(isFigure);
  const captions = near.slice(first).filter(({ kind }) => kind === "caption")
    .map(({ node }) => node.innerText);
  return { figures, captions };
}

function kindOf(node, anchors) {
  if (node.matches("[data-testid=stCaptionContainer]")) return "caption";
  if (node.matches(`[class*="${anchors}"]`)) return "anchor";
  if (!node.shadowRoot) return "figure";
  const view = viewIn(node);
  return view?.drawAgain && view.clientHeight > 8 &&
    !NO_FIGURES.some((name) => view.classList.contains(name)) ? "figure" : null;
}

async function asSvg(page) {
  const written = new XMLSerializer().serializeToString(page);
  return new Blob(['<?xml version="1.0" encoding="UTF-8"?>\n', written], { type: "image/svg+xml" });
}

async function asPng(page, root) {
  const [width, height] = ["width", "height"].map((name) => Number(page.getAttribute(name)));
  const density = Math.min(DENSITY, MOST_ACROSS / Math.max(width, height));
  page.prepend(svgElement("style", {}, null, await ownFonts(root)));
  const address = URL.createObjectURL(await asSvg(page));
  const image = new Image(width, height);
  image.src = address;
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(address);
  }
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(width * density), height: Math.round(height * density) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) =>
    blob ? resolve(blob) : reject(new Error("This picture is too large for a PNG.")), "image/png"));
}

// A picture finds none of the page's fonts: it gets the two of this app along.
async function ownFonts(root) {
  const wanted = ["--st-font", "--st-code-font"].map((name) =>
    themeColour(root, name).split(",")[0].trim().replaceAll('"', ""));
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => rule instanceof CSSFontFaceRule &&
      wanted.includes(rule.style.fontFamily.replaceAll('"', "")));
  const written = rules.map(async (rule) => {
    const [, address] = /url\(["']?([^"')]+)/.exec(rule.style.src) ?? [];
    if (!address) return "";
    const where = new URL(address, rule.parentStyleSheet.href ?? document.baseURI);
    const file = await (await fetch(where)).blob();
    const packed = await new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsDataURL(file);
    });
    return `@font-face { font-family: ${rule.style.fontFamily}; ` +
      `font-weight: ${rule.style.fontWeight || 400}; font-style: ${rule.style.fontStyle || "normal"}; ` +
      `src: url(${packed}); }`;
  });
  return (await Promise.all(written)).join("\n");
}

function handOver(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
