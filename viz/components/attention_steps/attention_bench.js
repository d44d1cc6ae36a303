// The arithmetic of one column at one step, with its operands.

// What the step does, in words.
function sentence(head, step, key, { opened }) {
  const query = { strong: head.pieces[head.query] };
  const token = { strong: head.pieces[key] };
  const kept = opened ? " · Esc closes" : "";
  const later = head.pieces.length - 1 - head.query;
  if (isLeftOut(head, step)) return [...leftOutSentence(step, query, later), kept];
  return {
    k: () => ["Three matrices turn x, what the head reads, into a query q, a key k and a ",
      "value v. Below, one number of ", query, "'s q", kept],
    turned: () => ["RoPE turns ", query, "'s q and ", token,
      "'s k by their positions, so that q · k depends on their distance", kept],
    raw: () => ["How well does ", query, "'s query match ", token, "'s key? Multiply them ",
      "number by number and add up: ", { strong: number(head.raw[key]) }, kept],
    scaled: () => head.divisor === null
      ? ["A sum of ", String(head.width), " products easily grows large: ÷ √",
        String(head.width), " scales the whole row down", kept]
      : ["The whole row is divided by ", { strong: number(head.divisor) }, " in place of √",
        String(head.width), ", which is ", number(head.root), kept],
    bent: () => ["No score goes beyond ±", number(head.softcap), ": small ones hardly ",
      "change, large ones are bent", kept],
    bias: () => key > head.query
      ? ["Nothing is added for a token that comes later: there is no such distance", kept]
      : ["This head adds ", { strong: number(head.bias[key]) }, " for a token ",
        distance(head.query - key), kept],
    scores: () => mayRead(head, key)
      ? [query, " may read ", token, ": its score stays. ", laterTokens(later), kept]
      : [query, " may not read ", token, key > head.query ? ", which comes later"
        : ", which lies before this layer's window", ": its score is −∞", kept],
    pattern: () => [query, " reads ", token, " with weight ",
      { strong: head.pattern[key].toFixed(3) }, ". The row adds up to 1", kept],
    v: () => ["z is the average of the values, weighted by the row: what this head brings to ",
      query, kept],
  }[step]();
}

function leftOutSentence(step, query, later) {
  const without = { strong: "Left out. " };
  return {
    turned: () => [without, "q and k stay as they are, wherever their tokens stand"],
    scaled: () => [without, "The products go on as large as they are"],
    bias: () => [without, "The scores do not depend on the distance"],
    scores: () => [without, query, later ? ` may read the ${later === 1 ? "token" : "tokens"} `
      + "that come later, too" : " comes last: there is nothing to hide from it"],
  }[step]();
}

function distance(back) {
  return back ? `${back} back` : "itself";
}

function laterTokens(count) {
  if (!count) return "Nothing comes later";
  return count === 1 ? "The token that comes later gets −∞"
    : `The ${count} tokens that come later get −∞`;
}

function drawBench(bench, head, step, key, tools) {
  const place = `${step} ${key}`;
  const content = [place, head.version, cssRgb(tools.paint.ink[0])].join(" ");
  // A slider that is being moved must not be replaced under the hand, nor one that has
  // just been reached for when nothing has changed.
  const held = bench.contains(bench.getRootNode().activeElement);
  if (bench.content === content || (held && bench.place === place)) return;
  Object.assign(bench, { place, content });
  bench.replaceChildren();
  const draw = { k: vectors, turned: turns, raw: products, scaled: scaling, bent: bending,
    bias: biases, scores: masking, pattern: softmax, v: average };
  draw[step](bench, head, key, tools);
}

// One number of the query, multiplied out; then the three vectors whole.
function vectors(bench, head, key, { paint }) {
  const { dimension, row, bias, value, normalized } = head.projection;
  const token = head.pieces[key];
  const asks = head.pieces[head.query];
  const values = row.map((weight, i) => weight * head.x[i]);
  const plus = bias ? ` ${signed(bias)} (bias)` : "";
  numberTable(bench, paint.signed, [
    { name: `x of ${asks}`, values: head.x, limit: largest([head.x]) },
    { name: `× row ${dimension} of W_Q`, values: row, limit: largest([row]) },
    { name: "product", values, limit: largest([values]), adds: true, rest: number,
      total: `${plus} = ${number(value)}` },
  ]);
  element("p", "quiet note", bench, `That is number ${dimension} of q`
    + (normalized ? ", before its norm" : "") + ". The other rows give its other numbers.");
  const limit = head.keyLimit;
  numberTable(bench, paint.signed, [
    { name: `q = W_Q · x of ${asks}`, values: head.plainQ ?? head.q, limit },
    { name: `k = W_K · x of ${token}`, values: (head.plainK ?? head.k)[key], limit },
    { name: `v = W_V · x of ${token}`, values: head.v[key], limit: head.valueLimit },
  ]);
}

function turns(bench, head, key, { paint }) {
  const limit = head.keyLimit;
  numberTable(bench, paint.signed, [
    { name: `q of ${head.pieces[head.query]}`, values: head.plainQ, limit },
    { name: "turned", values: head.q, limit },
    { name: `k of ${head.pieces[key]}`, values: head.plainK[key], limit },
    { name: "turned", values: head.k[key], limit },
  ]);
}

function products(bench, head, key, { paint }) {
  const values = head.q.map((value, i) => value * head.k[key][i]);
  numberTable(bench, paint.signed, [
    { name: `q of ${head.pieces[head.query]}`, values: head.q, limit: head.keyLimit },
    { name: `k of ${head.pieces[key]}`, values: head.k[key], limit: head.keyLimit },
    { name: "q × k", values, limit: largest([values]), adds: true,
      rest: number, total: `= ${number(head.raw[key])}` },
  ]);
  slowMotion(bench, head.q, head.k[key], paint.signed);
}

// The quotient, and a slider for what the row is divided by.
function scaling(bench, head, key, { divide }) {
  const line = element("p", "equation", bench);
  const write = () => {
    line.replaceChildren();
    const by = head.divisor ?? head.root;
    fillEquation(line, [number(head.raw[key]), `÷ ${number(by)} =`,
      { result: number(head.scaled[key]) }]);
  };
  write();
  const { slider, shown } = sliderLine(bench, "Divide by", head.divisor ?? head.root,
    { min: 1, max: head.root, step: (head.root - 1) / 100 });
  slider.setAttribute("aria-label", "Divide q · k by");
  const say = () => { shown.textContent = divisorText(head, Number(slider.value)); };
  say();
  slider.oninput = () => { divide(Number(slider.value), false); say(); write(); };
  slider.onchange = () => divide(Number(slider.value), true);
}

function divisorText({ root, width }, value) {
  if (value <= 1) return "1: left out";
  return root - value < 1e-6 ? `√${width} = ${number(root)}` : number(value);
}

function bending(bench, head, key) {
  const cap = number(head.softcap);
  equation(bench, cap, `· tanh(${number(head.scaled[key])} ÷ ${cap}) =`,
    { result: number(head.bent[key]) });
}

function biases(bench, head, key) {
  equation(bench, number((head.bent ?? head.scaled)[key]), signed(head.bias[key]), "=",
    { result: number(head.biased[key]) });
}

function masking(bench, head, key) {
  const before = number((head.biased ?? head.bent ?? head.scaled)[key]);
  equation(bench, before, "→", { result: number(head.scores[key]) });
}

function softmax(bench, head, key, { drag }) {
  if (mayRead(head, key)) {
    const most = Math.max(...head.scores);
    const powers = head.scores.map((score) => Math.exp(score - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    equation(bench, `e^(${number(head.scores[key])} − ${parenthesised(most)})`, "÷ Σ",
      `= ${powers[key].toPrecision(3)} ÷ ${sum.toFixed(2)} =`,
      { result: head.pattern[key].toFixed(3) });
  } else equation(bench, "e^−∞ =", { result: "0" });
  if (mayRead(head, key) && head.query > 0) weightSlider(bench, head, key, drag);
}

function weightSlider(bench, head, key, drag) {
  const { slider, shown } = sliderLine(bench, "Set this weight", weightsOf(head)[key],
    { min: 0, max: 1, step: 0.01 });
  const say = () => { shown.textContent = Number(slider.value).toFixed(2); };
  say();
  slider.setAttribute("aria-label",
    `Weight of ${head.pieces[head.query]} on ${head.pieces[key]}`);
  slider.oninput = () => { say(); drag(key, Number(slider.value), false); };
  slider.onchange = () => drag(key, Number(slider.value), true);
}

function sliderLine(bench, label, value, range) {
  const line = element("label", "weigh", bench);
  element("span", "", line, label);
  const slider = element("input", "", line);
  Object.assign(slider, { type: "range", ...range });
  slider.value = value;
  slider.onkeydown = (event) => event.stopPropagation();
  return { slider, shown: element("output", "", line) };
}

// The two strongest reads, all others together, and their sum.
function average(bench, head, key, { paint }) {
  const [weights, z] = [weightsOf(head), outputOf(head)];
  const order = weights.map((_, place) => place)
    .sort((a, b) => weights[b] - weights[a]);
  const first = key === order[0] ? order[0] : key;
  const named = [...new Set([order[0], first, order[1]])].slice(0, 2)
    .filter((place) => place !== undefined && mayRead(head, place));
  const part = (place) => head.v[place].map((value) => value * weights[place]);
  const rest = z.map((value, i) =>
    value - named.reduce((sum, place) => sum + part(place)[i], 0));
  const others = [...head.scores].filter(Number.isFinite).length - named.length;
  const limit = largest([z, ...named.map(part)]);
  numberTable(bench, paint.signed, [
    ...named.map((place) => ({ values: part(place), limit,
      name: `${weights[place].toFixed(3)} × v of ${head.pieces[place]}` })),
    ...(others ? [{ name: `${others} more`, values: rest, limit }] : []),
    { name: "= z", values: z, limit, adds: true },
  ]);
}

function equation(bench, ...parts) {
  fillEquation(element("p", "equation", bench), parts);
}

function fillEquation(line, parts) {
  for (const part of parts) {
    if (part.result === undefined) element("span", "", line, part);
    else element("strong", "", line, part.result);
  }
}

function signed(value) {
  return value < 0 ? `− ${number(-value)}` : `+ ${number(value)}`;
}

function parenthesised(value) {
  return value < 0 ? `(${number(value)})` : number(value);
}
