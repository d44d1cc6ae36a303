// Stretches of text. The token that reads is framed; what it reads is as dark as its weight.

export default function readingExamples({ data, parentElement }) {
  const root = parentElement.querySelector(".reading_examples");
  const ink = inkTable(root);
  const list = element("ol", "", null);
  for (const example of data.examples) showExample(list, example, ink);
  root.replaceChildren(list);
}

function showExample(list, { pieces, isCut, levels, reads }, ink) {
  const item = element("li", "", list);
  const text = element("p", "text", item, isCut ? "… " : undefined);
  const weights = decodeBytes(levels);
  pieces.forEach((piece, place) => {
    const shown = element("span", "piece", text, piece);
    const level = weights[place];
    // Below one per cent the tint of a whole text would only be noise.
    if (level > 2) {
      shown.style.background = cssRgb(ink[level]);
      shown.style.color = textOn(ink[level]);
    }
    if (place === pieces.length - 1) shown.classList.add("reader");
  });
  const words = element("p", "words quiet", item);
  say(words, { strong: pieces.at(-1) }, " reads ",
    ...reads.flatMap(([piece, weight], i) => [i ? ", " : "", { strong: piece }, ` ${weight}`]));
}
