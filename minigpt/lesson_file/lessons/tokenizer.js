// Tokenizer: the prompt as pieces, and the merges that made them.

import { BytePairTokenizer, bytesOf, inLetters, spelled, words } from "../tokenizers/byte_pair.js";
import { mount } from "./mounting.js";
import { predict, shuffled } from "./prediction.js";
import { counted, displayPiece } from "./texts.js";

export function tokenizerLesson(panel, { tokenizer, settings }) {
  const question = element("div", "", panel);
  const body = element("div", "", panel);
  body.hidden = true;
  const summary = element("p", "note", body);
  const pieces = mount(element("div", "pieces", body), "token_pieces");
  const hasMerges = tokenizer instanceof BytePairTokenizer;
  if (hasMerges) element("h3", "", body, "From bytes to tokens, merge by merge");
  const motion = hasMerges && mount(element("div", "motion", body), "merge_motion");
  let reading = null;

  function draw() {
    const ids = tokenizer.encode(reading.prompt);
    const texts = ids.map((token) => tokenizer.piece(token));
    const bytes = new TextEncoder().encode(reading.prompt).length;
    say(summary, `${counted([...reading.prompt].length, "character")}, `,
      `${counted(bytes, "byte")}, `, { strong: counted(ids.length, "token") }, ". ",
      KINDS[settings.tokenizer.kind]);
    pieces({ ids, pieces: texts.map(displayPiece), breaks: texts.map((text) => text.includes("\n")),
      showIds: true, selected: null });
    if (motion) motion({ ...replay(tokenizer, reading.prompt), step: 0 });
  }
  return { show(next) {
    reading = next;
    if (!question.childElementCount) ask(question, tokenizer, next.prompt, () => {
      body.hidden = false;
      draw();
    });
    if (!body.hidden) draw();
  } };
}

const KINDS = {
  bpe: "What the training text repeats most is one token: a frequent word is one, with the "
    + "space before it; a rare one is several.",
  char: "Each character is a token.",
  word: "Each word and punctuation mark is a token; a usual space between two is not written.",
};

function ask(place, tokenizer, prompt, reveal) {
  const count = tokenizer.encode(prompt).length;
  const bytes = new TextEncoder().encode(prompt).length;
  const spaced = prompt.trim().split(/\s+/).length;
  const others = [bytes, spaced, 2 * spaced, Math.round(bytes / 2), count + 3, count + 9]
    .filter((each) => each !== count && each > 0);
  predict(place, {
    ask: ["The model reads numbers, so a text is cut into pieces first. Into how many does this "
      + "tokenizer cut “", prompt, "”?"],
    ...shuffled(count, [...new Set(others)].slice(0, 3), 7),
    told: [{ strong: counted(count, "token") }, `, for ${counted(spaced, "word")} and `,
      `${counted(bytes, "byte")}. Type other texts: numbers, names, another language.`],
  }, reveal);
}

// The text's bytes, then every join, and which joins each merge makes, the merge that was
// learned first coming first: what the view `merge_motion` shows.
function replay(tokenizer, text) {
  const nodes = [];
  const rows = words(text).map((word) => inLetters(word).map((letter) =>
    nodes.push({ letters: letter, needed: 0, start: nodes.length, size: 1 }) - 1));
  const bytes = nodes.length;
  words(text).forEach((word, place) => tokenizer.merged(word, (rank, at) =>
    join(nodes, rows[place], rank, at)));
  const joins = nodes.map((node, place) => ({ ...node, place })).slice(bytes)
    .sort((a, b) => a.needed - b.needed || a.size - b.size || a.rank - b.rank);
  const steps = [];
  for (const { rank, needed, place } of joins) {
    const last = steps.at(-1);
    const joined = [...nodes[place].parts, place];
    if (last?.rank === rank && last.needed === needed) last.joins.push(joined);
    else steps.push({ rank, needed, joins: [joined] });
  }
  for (const { joins: made } of steps) made.sort((a, b) => nodes[a[0]].start - nodes[b[0]].start);
  return { bytes, steps, labels: nodes.map(({ letters }) => label(bytesOf(letters))) };
}

function join(nodes, row, rank, place) {
  const [left, right] = [nodes[row[place]], nodes[row[place + 1]]];
  const made = nodes.push({
    letters: left.letters + right.letters,
    rank,
    needed: Math.max(rank + 1, left.needed, right.needed),
    start: left.start,
    size: left.size + right.size,
    parts: [row[place], row[place + 1]],
  }) - 1;
  row.splice(place, 2, made);
}

// As text, or as numbers where it is half a character.
function label(bytes) {
  const text = spelled(bytes);
  const isText = !bytes.some((byte) => byte > 127) || !text.includes("\\x");
  return isText ? displayPiece(text)
    : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(" ");
}
