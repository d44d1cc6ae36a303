// The arithmetic of one column at one step, with its operands.

// What the step does, in words.
function sentence(head, step, key, { opened }) {
  const query = { strong: head.pieces[head.query] };
  const token = { strong: head.pieces[key] };
  const kept = opened ? " · Esc closes" : "";
  const later = head.pieces.length - 1 - head.query;
  return {
    k: () => ["Each token's vector x becomes a query, a key and a value. ",
      query, " asks with its query q."],
    turned: () => ["RoPE turns ", query, "'s q and ", token,
      "'s k by their positions, so that q · k depends on their distance."],
    raw: () => [query, " asks ", token, ": q times k, dimension by dimension, adds up to ",
      { strong: number(head.raw[key]) }, kept],
    scaled: () => ["A sum of ", String(head.width), " products grows large; ÷ √",
      String(head.width), " scales the whole row down", kept],
    bias: () => key > head.query ? ["No bias for what comes later"]
      : ["This head adds ", { strong: number(head.bias[key]) }, " for a token ",
        distance(head.query - key), kept],
    scores: () => mayRead(head, key)
      ? [query, " may read ", token, ": its score stays. ", laterTokens(later), kept]
      : [query, " may not read ", token, ", which comes later: its score is −∞", kept],
    pattern: () => [query, " reads ", token, " with weight ",
      { strong: head.pattern[key].toFixed(3) }, ". The row adds up to 1", kept],
    v: () => ["z is the average of the values, weighted by the row: what this head brings to ",
      query, kept],
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
  const draw = { k: vectors, turned: turns, raw: products, scaled: scaling, bias: biases,
    scores: masking, pattern: softmax, v: average };
  draw[step](bench, head, key, tools);
}

function vectors(bench, head, key, { paint }) {
  const token = head.pieces[key];
  const limit = head.keyLimit;
  numberTable(bench, paint.signed, [
    { name: `x of ${head.pieces[head.query]}`, values: head.x, limit: largest([head.x]) },
    { name: `q of ${head.pieces[head.query]}`, values: head.plainQ ?? head.q, limit },
    { name: `k of ${token}`, values: (head.plainK ?? head.k)[key], limit },
    { name: `v of ${token}`, values: head.v[key], limit: head.valueLimit },
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
}

function scaling(bench, head, key) {
  equation(bench, number(head.raw[key]), `÷ √${head.width}`,
    `= ${number(head.raw[key])} ÷ ${Math.sqrt(head.width).toFixed(2)} =`,
    { result: number(head.scaled[key]) });
}

function biases(bench, head, key) {
  if (!mayRead(head, key)) return equation(bench, "comes later: no bias");
  equation(bench, number(head.scaled[key]), signed(head.bias[key]), "=",
    { result: number(head.scores[key]) });
}

function masking(bench, head, key) {
  const before = number(head.bias && mayRead(head, key)
    ? head.scaled[key] + head.bias[key] : head.scaled[key]);
  equation(bench, before, "→", { result: mayRead(head, key) ? before : "−∞" });
}

function softmax(bench, head, key, { state, drag }) {
  if (mayRead(head, key)) {
    const most = Math.max(...head.scores);
    const powers = head.scores.map((score) => Math.exp(score - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    equation(bench, `e^(${number(head.scores[key])} − ${parenthesised(most)})`, "÷ Σ",
      `= ${powers[key].toPrecision(3)} ÷ ${sum.toFixed(2)} =`,
      { result: head.pattern[key].toFixed(3) });
  } else equation(bench, "e^−∞ =", { result: "0" });
  if (mayRead(head, key) && head.query > 0) weightSlider(bench, head, key, state, drag);
}

function weightSlider(bench, head, key, state, drag) {
  const now = (head.edited?.pattern ?? head.pattern)[key];
  const line = element("label", "weigh", bench);
  element("span", "", line, "Set this weight");
  const slider = element("input", "", line);
  Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.01 });
  slider.value = now;
  const shown = element("output", "", line, Number(now).toFixed(2));
  slider.setAttribute("aria-label",
    `Weight of ${head.pieces[head.query]} on ${head.pieces[key]}`);
  slider.oninput = () => {
    shown.textContent = Number(slider.value).toFixed(2);
    drag(key, Number(slider.value), false);
  };
  slider.onchange = () => drag(key, Number(slider.value), true);
  slider.onkeydown = (event) => event.stopPropagation();
}

// The two strongest reads, all others together, and their sum.
function average(bench, head, key, { paint }) {
  const order = head.pattern.map((_, place) => place)
    .sort((a, b) => head.pattern[b] - head.pattern[a]);
  const first = key === order[0] ? order[0] : key;
  const named = [...new Set([order[0], first, order[1]])].slice(0, 2)
    .filter((place) => place !== undefined && mayRead(head, place));
  const part = (place) => head.v[place].map((value) => value * head.pattern[place]);
  const rest = head.z.map((value, i) =>
    value - named.reduce((sum, place) => sum + part(place)[i], 0));
  const others = [...head.scores].filter(Number.isFinite).length - named.length;
  const limit = largest([head.z, ...named.map(part)]);
  numberTable(bench, paint.signed, [
    ...named.map((place) => ({ values: part(place), limit,
      name: `${head.pattern[place].toFixed(3)} × v of ${head.pieces[place]}` })),
    ...(others ? [{ name: `${others} more`, values: rest, limit }] : []),
    { name: "= z", values: head.z, limit, adds: true },
    ...(head.edited ? [{ name: "z, changed", values: head.edited.z, limit }] : []),
  ]);
}

function equation(bench, ...parts) {
  const line = element("p", "equation", bench);
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
