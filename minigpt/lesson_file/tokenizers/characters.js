// The simplest tokenizer: every character (Unicode code point) is a token.

const UNKNOWN = 1;
const FIRST = 4; // After <pad>, <unk>, <bos> and <eos>.

export class CharTokenizer {
  constructor({ pieces, added = [] }) {
    this.all = [...pieces, ...added];
    this.special = new Set([0, 1, 2, 3, ...added.map((_, i) => pieces.length + i)]);
    this.ids = new Map(pieces.slice(FIRST).map((piece, i) => [piece, FIRST + i]));
  }

  encode(text) {
    return Array.from(text, (character) => this.ids.get(character) ?? UNKNOWN);
  }

  // Special tokens are left out.
  decode(tokens) {
    return tokens.filter((token) => !this.special.has(token))
      .map((token) => this.all[token]).join("");
  }

  piece(token) {
    return this.all[token];
  }
}
