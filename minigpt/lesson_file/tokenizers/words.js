// Unlike characters: every word is a token, and so is every punctuation mark. A space is
// written only where the rule below has none, and a joint (an empty piece) where the rule
// has a space and the text none (see `minigpt/tokenizers/words.py`).

const UNKNOWN = 1;
const FIRST = 4;
const JOINT = "";
const SPACE = " ";

// A word may have apostrophes inside; all else is cut into visible characters.
const WORD = /[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}\p{N}_]+)*|\p{White_Space}/uy;
const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });

const CLINGS_TO_THE_LEFT = new Set(".,;:!?…)]}’”»%-—/、。，！？：；");
const CLINGS_TO_THE_RIGHT = new Set("([{‘“«$#@-—/¿¡、。，！？：；");
// What Python's `isspace` says.
// biome-ignore lint/suspicious/noControlCharactersInRegex: four of them are spaces to it.
const BLANK = /^[\p{White_Space}\x1c-\x1f]+$/u;

export class WordTokenizer {
  constructor({ pieces, added = [] }) {
    this.all = [...pieces, ...added];
    this.special = new Set([0, 1, 2, 3, ...added.map((_, i) => pieces.length + i)]);
    this.ids = new Map(pieces.slice(FIRST).map((piece, i) => [piece, FIRST + i]));
  }

  encode(text) {
    return [...withoutUsualSpaces(text)].map((piece) => this.ids.get(piece) ?? UNKNOWN);
  }

  decode(tokens) {
    let [text, before] = ["", SPACE];
    for (const token of tokens) {
      if (this.special.has(token)) continue;
      const piece = this.all[token];
      text += (hasSpaceBetween(before, piece) ? SPACE : "") + piece;
      before = piece;
    }
    return text;
  }

  piece(token) {
    return this.all[token] || "⁀";
  }
}

function hasSpaceBetween(left, right) {
  return !(CLINGS_TO_THE_LEFT.has(right) || CLINGS_TO_THE_RIGHT.has(left)
    || left === JOINT || right === JOINT || BLANK.test(left) || BLANK.test(right));
}

function* withoutUsualSpaces(text) {
  let [before, spaceWaits] = [SPACE, false];
  for (const piece of cut(text)) {
    if (piece === SPACE && !spaceWaits && !BLANK.test(before)) {
      spaceWaits = true; // Whether it is usual depends on what comes next.
      continue;
    }
    const usual = hasSpaceBetween(before, piece);
    if (spaceWaits && !usual) yield SPACE;
    else if (usual && !spaceWaits) yield JOINT;
    spaceWaits = false;
    yield piece;
    before = piece;
  }
  if (spaceWaits) yield SPACE;
}

function* cut(text) {
  for (let place = 0; place < text.length;) {
    WORD.lastIndex = place;
    const piece = WORD.exec(text)?.[0]
      ?? CHARACTERS.segment(text.slice(place))[Symbol.iterator]().next().value.segment;
    yield piece;
    place += piece.length;
  }
}
