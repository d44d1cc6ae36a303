// Colours: the app's theme, read from its CSS variables, and the ink of a weight.

// One hue from faint to full. On a dark page the ramp turns round: more weight, more light.
const INK_LIGHT = ["#f2f7fb", "#cbe1f2", "#7fb9de", "#2b88c4", "#005f96", "#003052"];
const INK_DARK = ["#152231", "#14385a", "#0b608f", "#2c92d0", "#83c5f0", "#e6f5ff"];
// Below and above zero, as in viz/theme.py.
const SIGNED = ["#D55E00", "#0072B2"];
// One token id has one hue, wherever its piece stands.
const PIECE_HUES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A7FD1"];

function hueOf(token) {
  return PIECE_HUES[token % PIECE_HUES.length];
}

function themeColour(root, name) {
  return getComputedStyle(root).getPropertyValue(name).trim();
}

// A canvas understands every way of writing a colour, and answers in one.
function toRgb(colour) {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

function luminance([red, green, blue]) {
  const linear = [red, green, blue].map((channel) => {
    const value = channel / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function isDark(root) {
  return luminance(toRgb(themeColour(root, "--st-background-color") || "#fff")) < 0.2;
}

// 256 colours for weights 0 to 1. The root curve lets a weight of 0.05 be seen; legends
// are painted with the same table, so they stay true.
function inkTable(root) {
  const stops = (isDark(root) ? INK_DARK : INK_LIGHT).map(toRgb);
  return Array.from({ length: 256 }, (_, level) => {
    const place = Math.sqrt(level / 255) * (stops.length - 1);
    const below = Math.min(stops.length - 2, Math.floor(place));
    const share = place - below;
    return stops[below].map((channel, i) =>
      Math.round(channel * (1 - share) + stops[below + 1][i] * share));
  });
}

// 255 colours for signed values: vermillion, nothing at the middle one, blue.
function signedTable(root) {
  const nothing = toRgb(themeColour(root, "--st-background-color") || "#fff");
  const [minus, plus] = SIGNED.map(toRgb);
  return Array.from({ length: 255 }, (_, level) => {
    const value = level / 127 - 1;
    const full = value < 0 ? minus : plus;
    return nothing.map((channel, i) =>
      Math.round(channel + (full[i] - channel) * Math.abs(value)));
  });
}

function cssRgb(rgb) {
  return `rgb(${rgb.join(",")})`;
}

// Black or white, whichever stands out more (WCAG: the ratios are equal at 0.179).
function textOn(rgb) {
  return luminance(rgb) > 0.179 ? "#000" : "#fff";
}

// Paint levels 0–255 on a small canvas, one pixel per cell; `null` cells stay clear.
function paintLevels(width, height, levelAt, table) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let cell = 0; cell < width * height; cell++) {
    const level = levelAt(cell);
    if (level === null) continue;
    const colour = table[level];
    for (let channel = 0; channel < 3; channel++)
      image.data[4 * cell + channel] = colour[channel];
    image.data[4 * cell + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
