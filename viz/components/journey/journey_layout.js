// Where everything on the journey's sheet stands: one row per token, one column per stage.

const CHOICE_ROWS = 5;
const PHONE = 480; // A narrower sheet has small type, and no words that need room.

// All lengths in CSS pixels; type follows the page's root size.
function journeyLayout(root, data) {
  const isPhone = root.clientWidth > 0 && root.clientWidth < PHONE;
  const type = isPhone ? 11 : clamp(0.84 * rem(), 11, 24);
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = fontOf(root, type, { code: true });
  const widest = Math.max(...data.pieces.map((piece) => measure.measureText(piece).width));
  const left = clamp(widest + 18, 3 * type, (isPhone ? 5 : 8.5) * type);
  const right = (isPhone ? 11 : 15) * type;
  const count = data.stages.length;
  const room = (root.clientWidth || 900) - left - right;
  const column = Math.max(room / count, (isPhone ? 1.2 : 3.1) * type);
  const row = type * (data.pieces.length > 8 ? 2 : 2.5);
  const chosenRow = row + 1.5 * type;
  const chosen = data.selected - data.first;
  let y = 0.25 * type; // the thickest branch of the first row
  const rows = data.pieces.map((_, place) => {
    const height = place === chosen ? chosenRow : row;
    const made = { top: y, height, road: y + height * (place === chosen ? 0.58 : 0.66) };
    y += height;
    return made;
  });
  const last = rows.at(-1);
  const choice = 1.75 * type;
  const choicesTop = Math.max(0, last.road - choice / 2);
  const height = Math.max(y, choicesTop + CHOICE_ROWS * choice) + 4;
  return {
    type, left, right, words: (isPhone ? 4 : 5.4) * type, column, row, chosen, rows, measure, choice, choicesTop,
    height, bottom: y, heading: 3.4 * type,
    width: left + count * column + right,
    start: (stage) => left + stage * column,
    node: (stage) => left + (stage + 0.48) * column,
    merge: (stage) => left + (stage + 0.9) * column,
    end: left + count * column,
    thickest: 0.42 * row,
  };
}

// Norms as thicknesses. They differ a thousandfold, so it is the square root that is drawn:
// as with a pipe, the norm is the section. The first token's stream is often far longer than
// all others: it does not set the scale, and is cut to it.
function journeyScale(data, layout) {
  const others = (norms) => (norms.length > 1 && data.first === 0 ? norms.slice(1) : norms);
  const most = Math.max(1e-9, ...data.stages.flatMap(({ stream }) => others(stream)));
  return (norm) => clamp(Math.sqrt(norm / most), 0.05, 1.2) * layout.thickest;
}

// A band along a straight road, from x0 to x3, that changes its thickness from x1 to x2.
function roadPath(x0, x1, x2, x3, y, before, after) {
  const [b, a] = [before / 2, after / 2];
  const middle = (x1 + x2) / 2;
  return `M${x0},${y - b} L${x1},${y - b} C${middle},${y - b} ${middle},${y - a} ${x2},${y - a}` +
    ` L${x3},${y - a} L${x3},${y + a} L${x2},${y + a}` +
    ` C${middle},${y + a} ${middle},${y + b} ${x1},${y + b} L${x0},${y + b} Z`;
}

// The middle line of what leaves or joins a road: level at both ends.
function bendPath(x0, y0, x1, y1) {
  const middle = (x0 + x1) / 2;
  return `M${x0},${y0} C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
}
