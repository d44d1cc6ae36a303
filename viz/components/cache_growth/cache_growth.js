// The cache, token by token. A column is a token; what this step computes is framed.

export default function cacheGrowth({ data, parentElement }) {
  const root = parentElement.querySelector(".cache_growth");
  const count = data.pieces.length;
  const text = data.pieces.join("\u0000");
  // Another text begins where two tokens are kept and a third is computed.
  const parts = root.parts ??= prepareGrowth(root);
  if (root.text !== text) {
    root.text = text;
    root.state = { stage: Math.min(2, count - 1) };
  }
  const { state } = root;
  const cells = drawGrowth(parts, data, root);

  function update() {
    cells.heads.forEach((head, i) => { head.className = tokenClass(i, state.stage); });
    cells.shades.forEach((shade) => {
      shade.style.gridColumn = state.stage + 1 < count ? `${state.stage + 3} / -1` : "";
      shade.hidden = state.stage + 1 === count;
    });
    cells.frame.style.gridColumn = `${state.stage + 2}`;
    showColumn(parts.stage, cells.heads[state.stage]);
    say(parts.caption, ...growthSentence(data, state.stage));
    fillWork(parts.work, data, state.stage);
  }
  const { stop } = stepThrough(parts, count, state, update);
  update();
  return stop;
}

function prepareGrowth(root) {
  const { back, next, caption } = buildStepper(root);
  const stage = element("div", "stage", root);
  return { back, next, caption, stage, work: element("div", "work", root) };
}

// Scroll the picture, never the page, until a column stands clear of the names.
function showColumn(stage, head) {
  const names = 5.6 * rem();
  stage.scrollLeft = clamp(stage.scrollLeft,
    head.offsetLeft + head.offsetWidth - stage.clientWidth, head.offsetLeft - names);
}

function tokenClass(place, stage) {
  return place === stage ? "token new" : place < stage ? "token kept" : "token later";
}

// A row of tokens, and in every layer a strip of keys and a strip of values below them.
function drawGrowth({ stage }, data, root) {
  const table = signedTable(root);
  const count = data.pieces.length;
  const grid = element("div", "columns");
  grid.style.gridTemplateColumns = `5.4rem repeat(${count}, minmax(2.4rem, 4.6rem))`;
  grid.setAttribute("role", "img");
  grid.setAttribute("aria-label",
    `Keys and values of head ${data.head} in ${data.layers} layers, a column per token`);
  const place = (made, row, column) => {
    made.style.gridRow = row;
    made.style.gridColumn = column;
    grid.append(made);
    return made;
  };
  const heads = data.pieces.map((piece, i) => {
    const head = place(element("span", "token", null, piece), 1, i + 2);
    head.title = `${piece}, position ${i}`;
    return head;
  });
  const shades = [];
  for (let layer = 0; layer < data.layers; layer++)
    ["keys", "values"].forEach((kind, k) => {
      const row = 2 + 2 * layer + k;
      const name = place(element("span", `name ${kind}`), row, 1);
      element("b", "", name, k ? "" : `L${layer}`);
      element("span", "", name, kind);
      const strip = paintStrip(data, data[kind][layer], table);
      strip.className = `strip ${kind}`;
      strip.style.height = `${stripHeight(data.layers)}rem`;
      place(strip, row, "2 / -1");
      shades.push(place(element("span", "later"), row, "2 / -1"));
    });
  const frame = place(element("span", "frame"), `1 / ${2 + 2 * data.layers}`, 2);
  stage.replaceChildren(grid);
  return { heads, shades, frame };
}

function stripHeight(layers) {
  return clamp(9 / (2 * layers), 0.45, 2);
}

function paintStrip(data, packed, table) {
  const levels = decodeBytes(packed);
  return paintLevels(data.pieces.length, data.width, (cell) => levels[cell], table);
}

function growthSentence(data, stage) {
  const kept = stage === 0 ? "Nothing is kept yet"
    : `The keys and values of ${stage === 1 ? "1 token" : `${stage} tokens`} are kept`;
  return [`${kept}; only `, { strong: data.pieces[stage] },
    " goes through the layers. Its query reads every key, then is thrown away; its " +
    "key and value stay."];
}

// What this step costs and keeps, in numbers.
function fillWork(work, data, stage) {
  const read = stage + 1;
  const again = (read * (read + 1)) / 2;
  const lines = [
    ["In the cache", `${(read * data.bytesPerToken).toLocaleString("en")} bytes = ` +
      `${read} × ${data.arithmetic}`],
    ["Through the layers so far", `${read} with the cache, ${again} without: ` +
      "there, the whole text is read again for each token"],
  ];
  work.replaceChildren();
  for (const [name, words] of lines) {
    const line = element("p", "", work);
    element("span", "quiet", line, `${name}: `);
    element("span", "", line, words);
  }
  element("p", "quiet", work,
    `Colours: head ${data.head} of ${data.heads}; blue above 0, orange below, each ` +
    "strip on its own scale.");
}
