// RoPE as clock hands. A pair of numbers is a hand: its length is the pair's, its angle
// the pair's own plus position × speed. The score is the sum over all pairs of
// length · length · cos(angle between the hands), divided by √d_head.

const DIAL = 44;

export default function clockHands({ data, parentElement }) {
  const root = parentElement.querySelector(".clock_hands");
  const identity = JSON.stringify(data);
  if (root.identity === identity) return;
  root.identity = identity;
  const view = { data, positions: [...data.positions], shift: 0 };
  const caption = element("p", "caption", null);
  caption.setAttribute("aria-live", "polite");
  const update = () => {
    sliders.forEach(({ input, output, value }) => {
      input.value = value();
      output.textContent = value();
    });
    clocks.forEach((clock) => turn(clock, view));
    describeScore(caption, view);
  };
  const sliders = makeSliders(view, update);
  const clocks = data.shown.map((pair) => makeClock(data, pair));
  const board = element("div", "clocks", null);
  board.append(...clocks.map(({ figure }) => figure));
  const controls = element("div", "controls", null);
  controls.append(...sliders.map(({ label }) => label));
  root.replaceChildren(controls, caption, board, legend(data));
  update();
}

function makeSliders(view, update) {
  const { data } = view;
  const most = 2 * data.longest - 1;
  const slider = (words, value, set, limit = most) => {
    const label = element("label", "slider", null);
    element("span", "words", label, words);
    const input = element("input", "", label);
    Object.assign(input, { type: "range", min: 0, max: limit, step: 1 });
    input.setAttribute("aria-label", words);
    const output = element("output", "", label);
    input.oninput = () => { set(Number(input.value)); update(); };
    return { label, input, output, value };
  };
  return [
    slider(`position of query ${data.names[0]}`,
      () => view.positions[0], (value) => { view.positions[0] = value; }),
    slider(`position of key ${data.names[1]}`,
      () => view.positions[1], (value) => { view.positions[1] = value; }),
    slider("both shifted by",
      () => view.shift, (value) => { view.shift = value; }, data.longest),
  ];
}

// One pair of numbers of a vector, as a length and an angle.
function hand(vector, pair) {
  const half = vector.length / 2;
  return { length: Math.hypot(vector[pair], vector[pair + half]),
    angle: Math.atan2(vector[pair + half], vector[pair]) };
}

function makeClock(data, pair) {
  const figure = element("figure", "clock", null);
  const svg = svgElement("svg", { viewBox: `${-DIAL - 2} ${-DIAL - 2} ${2 * DIAL + 4} ${2 * DIAL + 4}`,
    "aria-hidden": true }, figure);
  svgElement("circle", { r: DIAL, class: "dial" }, svg);
  const hands = ["key", "query"].map((side) => ({ side,
    line: svgElement("line", { x1: 0, y1: 0, class: side }, svg) }));
  element("figcaption", "", figure, `pair ${pair}: ${period(data.speeds[pair])}`);
  return { figure, pair, hands };
}

function period(speed) {
  if (speed === 0) return "is not turned";
  const turn = (2 * Math.PI) / speed;
  return `${turn < 100 ? turn.toFixed(1) : Math.round(turn)} tokens per turn`;
}

function turn({ pair, hands }, { data, positions, shift }) {
  const longest = (vector) => Math.max(...data.speeds.map((_, i) => hand(vector, i).length), 1e-9);
  hands.forEach(({ side, line }) => {
    const vector = data[side];
    const { length, angle } = hand(vector, pair);
    const place = positions[side === "query" ? 0 : 1] + shift;
    const turned = angle + place * data.speeds[pair];
    const radius = DIAL * (0.25 + (0.7 * length) / longest(vector));
    line.setAttribute("x2", radius * Math.cos(turned));
    line.setAttribute("y2", -radius * Math.sin(turned));
  });
}

function score({ data }, q, k) {
  const sum = data.speeds.reduce((total, speed, pair) => {
    const [one, other] = [hand(data.query, pair), hand(data.key, pair)];
    const between = one.angle + q * speed - other.angle - k * speed;
    return total + one.length * other.length * Math.cos(between);
  }, 0);
  return sum / Math.sqrt(data.query.length);
}

function describeScore(caption, view) {
  const [q, k] = view.positions.map((place) => place + view.shift);
  const beyond = Math.max(q, k) >= view.data.longest;
  say(caption, "q · k / √d_head = ", { strong: score(view, q, k).toFixed(4) },
    ` at ${q} and ${k}, ${Math.abs(q - k)} apart`,
    beyond ? " (past the training length)" : "");
}

function legend(data) {
  const line = element("p", "legend quiet", null);
  for (const [side, words] of [["query", "query"], ["key", "key"]]) {
    element("span", `swatch ${side}`, line);
    line.append(`${words} `);
  }
  const [shown, all] = [data.shown.length, data.speeds.length];
  line.append(shown < all ? `· ${shown} of ${all} pairs drawn; the score sums all` : `· all ${all} pairs`);
  return line;
}
