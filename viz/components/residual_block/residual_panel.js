// The numbers of one part of a block.

const NAMED_HEADS = 4; // Of more, those that write most are named, the others summed.

function partSentence(block, part) {
  const token = { strong: block.piece };
  const strongest = strongestHead(block);
  const [first, second] = block.norms;
  const fired = block.activations?.filter((value) => value > 0).length;
  return {
    before: () => ["The stream of ", token, `: ${block.width} numbers, the sum of all that `,
      "has been added so far."],
    ln1: () => normSentence(first, "the heads read"),
    heads: () => ["Heads ", { strong: "move" }, " information between tokens. Here ",
      { strong: `L${block.layer}H${strongest}` }, " writes most: length ",
      number(norm(block.results[strongest])), "."],
    output: () => ["The z of all heads, side by side, go through W_O. The result is the sum of ",
      "what each head writes", block.norms[2] ? ", normalised before it is added." : "."],
    middle: () => ["The sum is added. Nothing is replaced: the stream ", { strong: "remembers" },
      "."],
    ln2: () => normSentence(second, block.parallel
      ? "the MLP reads. In this model that is the stream as it came into the block: the MLP works "
        + "beside the heads and does not wait for them"
      : "the MLP reads"),
    mlp: () => ["The MLP ", { strong: "transforms" }, " this token alone: ",
      { strong: `${fired} of ${block.activations.length}` }, " neurons fire (above 0)."],
    after: () => ["What the neurons write is added, and the next block reads the sum."],
  }[part]();
}

function normSentence({ mean, scale, weight, shift }, reader) {
  const centre = mean === null ? "The norm divides by "
    : `The norm subtracts the mean, ${number(mean)}, divides by `;
  const learned = weight ? `${mean === null ? " and" : ","} multiplies each number by a weight `
    + `that it has learned${shift ? ", and adds another" : ""}` : "";
  return [centre, { strong: number(scale) }, `${learned}: the result is x, what ${reader}.`];
}

function drawPart(panel, block, part, paint, tell) {
  const row = (name, values, hook, more = {}) => ({
    name, values, total: `length ${number(norm(values))}`,
    ...(hook && { pick: tell.pick(hook),
      picked: tell.picked?.row === hook ? tell.picked.number : null }), ...more });
  const stream = largest([block.before, block.middle, block.after]);
  const tables = {
    before: () => [row("stream", block.before, "hook_resid_pre", { limit: stream })],
    ln1: () => normRows(row, block.before, block.norms[0], "ln1"),
    output: () => outputRows(row, block),
    middle: () => [row("stream", block.before, "hook_resid_pre", { limit: stream }),
      row("+ attention", block.attended, "hook_attn_out", { limit: stream }),
      row("= stream", block.middle, block.transformed ? "hook_resid_mid" : "hook_resid_post",
        { adds: true, limit: stream })],
    ln2: () => normRows(row, block.parallel ? block.before : block.middle, block.norms[1], "ln2"),
    after: () => [row("stream", block.middle, "hook_resid_mid", { limit: stream }),
      row("+ MLP", block.transformed, "hook_mlp_out", { limit: stream }),
      row("= stream", block.after, "hook_resid_post", { adds: true, limit: stream })],
  };
  if (part === "heads") drawHeads(panel, block, paint, tell);
  else if (part === "mlp") drawNeurons(panel, block, tell);
  else {
    if (part === "before")
      drawStrips(panel, [[block.before, `all ${block.width} numbers of the stream`]], paint);
    if (part === "output")
      drawStrips(panel, block.z.map((vector, head) => [vector, `z of H${head}`]), paint);
    numberTable(panel, paint.signed, tables[part]());
    if (part === "middle" && !block.transformed)
      element("p", "quiet", panel, "This model has no MLP: the next block reads this sum.");
  }
}

// Each row is the result of its step; the last is x, under the name that Attention gives it.
function normRows(row, stream, { mean, scale, normalized, out, weight, shift }, name) {
  const divided = `÷ ${number(scale)}`;
  return [row("stream", stream),
    ...(mean === null ? [] : [row("stream − mean", stream.map((value) => value - mean))]),
    row(out ? divided : `${divided} = x`, normalized, `${name}.hook_normalized`),
    ...(out ? [row("learned weight", weight),
      ...(shift ? [row("learned shift", shift)] : []),
      row(shift ? "× weight + shift = x" : "× weight = x", out, null, { adds: true })] : [])];
}

// What each head writes, and that it adds up to what attention writes.
function outputRows(row, block) {
  const order = block.results.map((_, head) => head)
    .sort((a, b) => norm(block.results[b]) - norm(block.results[a]));
  const named = order.slice(0, block.results.length > NAMED_HEADS + 1 ? NAMED_HEADS
    : block.results.length).sort((a, b) => a - b);
  const others = order.filter((head) => !named.includes(head));
  const limit = largest([...named.map((head) => block.results[head]), block.attended]);
  const sum = others.length && block.results[0].map((_, i) =>
    others.reduce((total, head) => total + block.results[head][i], 0));
  return [
    ...named.map((head) => row(`L${block.layer}H${head} writes`, block.results[head],
      `attn.hook_result.${head}`, { limit })),
    ...(others.length ? [row(`${others.length} more heads`, sum, null, { limit })] : []),
    ...(block.bias ? [row("bias", block.bias, null, { limit })] : []),
    ...normedRows(row, block.norms[2]),
    row("= attention", block.attended, "hook_attn_out", { limit, adds: true }),
  ];
}

// Where the sum is normalised before it is added: what it is divided by, and the weight.
function normedRows(row, norm) {
  if (!norm) return [];
  const { mean, scale, normalized, weight, shift } = norm;
  const divided = `sum${mean === null ? "" : " − mean"} ÷ ${number(scale)}`;
  return [row(divided, normalized, "ln1_post.hook_normalized"),
    ...(weight ? [row("× learned weight", weight)] : []),
    ...(shift ? [row("+ learned shift", shift)] : [])];
}

// Whole vectors, side by side, a stripe per number.
function drawStrips(panel, strips, paint) {
  const line = element("div", "strips", panel);
  const limit = largest(strips.map(([vector]) => vector));
  for (const [vector, name] of strips) {
    const part = element("figure", "", line);
    part.append(paintLevels(vector.length, 1, (i) => signedLevel(vector[i] / limit), paint.signed));
    element("figcaption", "quiet", part, name);
  }
}

function drawHeads(panel, block, paint, tell) {
  const list = element("div", `heads ${block.results.length > 8 ? "many" : ""}`, panel);
  const most = Math.max(...block.results.map(norm), 1e-9);
  block.results.forEach((result, head) => {
    const name = `L${block.layer}H${head}`;
    const card = element("button", "head", list);
    card.setAttribute("aria-pressed", String(head === block.head));
    card.setAttribute("aria-label", `${name} writes a vector of length ${number(norm(result))}`);
    element("span", "name", card, name);
    const frame = element("span", "frame", card);
    frame.append(paintLevels(block.side, block.side, (cell) =>
      cell % block.side > Math.floor(cell / block.side) ? null : block.patterns[head][cell],
      paint.ink));
    const mark = element("span", "mark", frame);
    mark.style.top = `${100 * block.row / block.side}%`;
    mark.style.height = `${100 / block.side}%`;
    const track = element("span", "track", card);
    element("span", "bar_of", track).style.width = `${100 * norm(result) / most}%`;
    element("span", "length", card, number(norm(result)));
    card.onclick = () => tell.openHead(head);
  });
  element("p", "quiet", panel,
    `Patterns: rows read, columns are read; the framed row is ${block.piece}. Bars: the length ` +
    "of what the head writes here.");
}

function drawNeurons(panel, block, tell) {
  if (!block.neurons.length)
    return element("p", "quiet", panel, "No neuron fires at this token.");
  const most = Math.max(...block.neurons.map(({ activation }) => Math.abs(activation)));
  const table = element("table", "neurons", panel);
  const head = element("tr", "quiet", element("thead", "", table));
  for (const [text, name] of [["neuron", ""], ["activation", ""], ["", "bars"],
    ["adds", "adds"], ["and so promotes", ""]])
    element("th", name, head, text).scope = "col";
  const body = element("tbody", "", table);
  for (const { index, activation, norm: length, promotes } of block.neurons) {
    const line = element("tr", "", body);
    element("th", "", line, String(index)).scope = "row";
    const cell = element("td", "number", line, number(activation));
    makePickable(cell, `neuron ${index}: ${number(activation)}`,
      tell.picked?.row === "mlp.hook_post" && tell.picked.number === index,
      () => tell.pick("mlp.hook_post")(index));
    const bar = element("span", activation < 0 ? "bar_of minus" : "bar_of",
      element("span", "track", element("td", "bars", line)));
    bar.style.width = `${100 * Math.abs(activation) / most}%`;
    element("td", "number adds", line, number(length));
    const tokens = element("td", "promotes", line);
    for (const piece of promotes) element("span", "piece", tokens, piece);
  }
}

function strongestHead({ results }) {
  const lengths = results.map(norm);
  return lengths.indexOf(Math.max(...lengths));
}
