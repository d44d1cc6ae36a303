// Unlike words: pieces are whatever byte sequences the training text repeats most, so every
// string has tokens. Bytes are written as one letter each, as GPT-2's files do: a space is
// `Ġ`, a line end `Ċ`.

// The ends of I'm, she'll …; letters, digits or others with one space before; spaces.
const WORDS = new RegExp("'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+"
  + "| ?[^\\p{White_Space}\\p{L}\\p{N}]+"
  + "|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+", "gu");

const LETTERS = lettersOfBytes();
const BYTES = new Map(LETTERS.map((letter, byte) => [letter, byte]));

export class BytePairTokenizer {
  // `vocab` is the id of each piece, `merges` the pairs in the order in which they were
  // learned, both in letters.
  constructor({ vocab, merges, special_tokens: special }) {
    const ids = new Set(Object.values(special));
    this.special = ids;
    this.names = new Map(Object.entries(special).map(([name, token]) => [token, name]));
    this.merges = merges;
    this.ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
    this.ids = new Map(Object.entries(vocab).filter(([, token]) => !ids.has(token)));
    this.letters = new Map([...this.ids].map(([piece, token]) => [token, piece]));
  }

  encode(text) {
    return words(text).flatMap((word) => this.merged(word).map((piece) => this.ids.get(piece)));
  }

  // One word's pieces, in letters: the pair learned first is joined, the leftmost of equals,
  // until none is left. `tell` hears of each join: its rank and the left piece's place.
  merged(word, tell = () => {}) {
    const pieces = inLetters(word);
    while (true) {
      let [best, place] = [Infinity, -1];
      for (let i = 0; i + 1 < pieces.length; i++) {
        const rank = this.ranks.get(`${pieces[i]} ${pieces[i + 1]}`);
        if (rank < best) [best, place] = [rank, i];
      }
      if (place < 0) return pieces;
      tell(best, place);
      pieces.splice(place, 2, pieces[place] + pieces[place + 1]);
    }
  }

  decode(tokens) {
    const letters = tokens.map((token) => this.letters.get(token) ?? "").join("");
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(letters));
  }

  // Bytes that are only a part of a character are shown as \xNN.
  piece(token) {
    return this.names.get(token) ?? spelled(bytesOf(this.letters.get(token)));
  }
}

// Cut a text into the words in which merges happen.
export function words(text) {
  return text.match(WORDS) ?? [];
}

// The bytes of a text, a letter each.
export function inLetters(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => LETTERS[byte]);
}

export function bytesOf(letters) {
  return Uint8Array.from(letters, (letter) => BYTES.get(letter));
}

// Bytes as text, those that are no text as \xNN.
export function spelled(bytes) {
  let text = "";
  for (let place = 0; place < bytes.length;) {
    const character = characterAt(bytes, place);
    text += character ?? `\\x${bytes[place].toString(16).padStart(2, "0")}`;
    place += character ? new TextEncoder().encode(character).length : 1;
  }
  return text;
}

function characterAt(bytes, place) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let length = 1; length <= 4 && place + length <= bytes.length; length++) {
    try {
      return decoder.decode(bytes.subarray(place, place + length));
    } catch {
      // Half a character: perhaps the next byte completes it.
    }
  }
  return null;
}

// Visible ASCII and Latin-1 as themselves, the 68 other bytes as the letters from U+0100 on.
function lettersOfBytes() {
  const isVisible = (byte) =>
    (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isVisible(byte) ? byte : 0x100 + others++));
}
