// Stretches of text, each token as blue or as vermillion as the neuron fires there. The token
// that an example is about is framed, and its activation stands below.

export default function firingExamples({ data, parentElement }) {
  const root = parentElement.querySelector(".firing_examples");
  const shades = signedTable(root);
  const list = element("ol", "", null);
  for (const example of data.examples) showFiring(list, example, shades);
  root.replaceChildren(list);
}

function showFiring(list, { pieces, cut, levels, place, activation }, shades) {
  const item = element("li", "", list);
  const text = element("p", "text", item, cut[0] ? "… " : undefined);
  pieces.forEach((piece, at) => {
    const shown = element("span", at === place ? "piece own" : "piece", text, piece);
    shown.style.background = cssRgb(shades[levels[at]]);
    shown.style.color = textOn(shades[levels[at]]);
  });
  if (cut[1]) text.append(" …");
  const words = element("p", "words quiet", item);
  say(words, { strong: pieces[place] }, ` ${activation}`);
}
