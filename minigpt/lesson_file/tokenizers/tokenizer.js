// Text to tokens and back, by the tokenizer that a lesson file carries. All kinds have
// `encode`, `decode`, `piece` and `special`, the tokens that no text contains.

import { BytePairTokenizer } from "./byte_pair.js";
import { CharTokenizer } from "./characters.js";
import { WordTokenizer } from "./words.js";

const KINDS = { bpe: BytePairTokenizer, char: CharTokenizer, word: WordTokenizer };

// `fields` is what the tokenizer's file holds (`tokenizer.json`).
export function makeTokenizer(fields) {
  return new KINDS[fields.kind](fields);
}
