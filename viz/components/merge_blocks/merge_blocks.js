// A word as blocks: its bytes at the bottom, every join on top of its two parts. A block
// reaches up to the join it is part of.

export default function mergeBlocks({ data, parentElement }) {
  const root = parentElement.querySelector(".merge_blocks");
  root.parts ??= captionedBlocks(root);
  const { caption, stage } = root.parts;
  stage.style.setProperty("--bytes", data.width);
  stage.style.setProperty("--levels", data.levels);
  const blocks = data.blocks.map((block) => placedBlock(block, data.levels));
  stage.replaceChildren(...blocks);
  const state = { selected: null, hovered: null };
  const update = () => describeBlock(caption, data, state.hovered ?? state.selected);
  chooseAmong(blocks, state, update, () => {});
  if (blocks.length) blocks[0].tabIndex = 0;
  update();
}

// Build the elements once; the function above runs again on every change of data or theme.
function captionedBlocks(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const stage = element("div", "blocks", element("div", "stage", root));
  stage.setAttribute("role", "listbox");
  stage.setAttribute("aria-label", "Bytes, then joins. Arrow keys move.");
  return { caption, stage };
}

function placedBlock(block, levels) {
  const names = ["block", block.known ? "known" : "later", block.token ? "token" : ""];
  const made = element("div", names.join(" ").trim(), null);
  element("span", "label", made, block.label);
  if (block.rank !== null) element("span", "rank", made, `#${block.rank + 1}`);
  made.style.gridColumn = `${block.start + 1} / ${block.end + 1}`;
  made.style.gridRow = `${levels - block.above + 1} / ${levels - block.level + 1}`;
  made.style.setProperty("--hue", hueOf(block.rank ?? block.label.charCodeAt(0)));
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", block.token);
  made.tabIndex = -1;
  return made;
}

function describeBlock(caption, data, place) {
  if (place === null) {
    const tokens = data.blocks.filter((block) => block.token).length;
    const later = data.blocks.filter((block) => !block.known).length;
    return say(caption, `${data.width} byte${data.width === 1 ? "" : "s"}, now `,
      { strong: `${tokens} token${tokens === 1 ? "" : "s"}` },
      later ? `; ${later} join${later === 1 ? "" : "s"} to come (outlined)` : "");
  }
  const block = data.blocks[place];
  if (block.rank === null) return say(caption, { strong: block.label }, " is one byte");
  say(caption, { strong: block.label }, " = ", { strong: block.parts[0] }, " + ",
    { strong: block.parts[1] },
    ` · merge ${(block.rank + 1).toLocaleString("en")}${block.known ? "" : ", not made yet"}`);
}
