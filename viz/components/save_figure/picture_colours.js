// Colours as a printed picture has them: six digits and an opacity, which every program
// reads, and those of a dark chart as the light page would have them.

const readColours = new Map();

// Any colour of CSS as red, green, blue (0–255) and opacity (0–1); null if it is none.
function readColour(colour) {
  if (readColours.has(colour)) return readColours.get(colour);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let read = null;
  if (CSS.supports("color", colour)) {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    read = [red, green, blue, Math.round(alpha / 2.55) / 100];
  }
  readColours.set(colour, read);
  return read;
}

function hexOf(rgb) {
  return `#${rgb.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

// Set `fill` or `stroke`, and its opacity beside it. What is no colour, as `none` or a
// pattern's address, stays.
function setPaint(shape, name, colour, opacity = 1, repaint = null) {
  const read = readColour(colour);
  if (!read) return shape.setAttribute(name, colour);
  const [red, green, blue, alpha] = read;
  const rgb = repaint ? repaint([red, green, blue]) : [red, green, blue];
  shape.setAttribute(name, alpha ? hexOf(rgb) : "none");
  const all = Math.round(alpha * opacity * 1000) / 1000;
  if (alpha && all < 1) shape.setAttribute(`${name}-opacity`, all);
}

const NEAR = 7; // Two colours that differ less in each channel are the same.

// How to turn a dark chart's colours light: what lies between its background and its
// text, or on its ramp, goes to the same place between the light ones. The rest stays.
function lightened(root, paper, [darkRamp, lightRamp]) {
  const ends = ["--st-background-color", "--st-text-color"];
  const lines = [
    [ends.map((name) => toRgb(themeColour(root, name))), ends.map((name) => toRgb(paper[name]))],
    [darkRamp.map(toRgb), lightRamp.map(toRgb)],
  ];
  return (rgb) => {
    for (const [from, to] of lines)
      for (let part = 0; part + 1 < from.length; part++) {
        const share = shareBetween(from[part], from[part + 1], rgb);
        if (share !== null) return between(to[part], to[part + 1], share);
      }
    return rgb;
  };
}

function between(one, other, share) {
  return one.map((value, i) => value + share * (other[i] - value));
}

// Where on the way from one colour to another a third lies; null if it lies elsewhere.
function shareBetween(one, other, rgb) {
  const way = other.map((value, i) => value - one[i]);
  const length = way.reduce((sum, step) => sum + step * step, 0);
  const along = way.reduce((sum, step, i) => sum + step * (rgb[i] - one[i]), 0);
  const share = clamp(along / length, 0, 1);
  const nearest = between(one, other, share);
  return nearest.every((value, i) => Math.abs(value - rgb[i]) <= NEAR) ? share : null;
}
