// A result as a code: what was answered, and a signature that takes the class's word.
//
//     minigpt1.<the result, JSON>.<which word it was>.<the signature of the result>
//
// each in base64url. `minigpt/lesson_file/handed_in.py` checks it.

import { hmac, pbkdf2 } from "./sha256.js";

const ROUNDS = 10_000; // A guess at the word costs so much; a phone takes a second.
const SALT = "minigpt lesson result";

// `result`: its keys in the order of the alphabet, as in canonical JSON.
export function codeOf(result, word) {
  const sign = hmac(pbkdf2(utf8(word.normalize("NFC")), utf8(SALT), ROUNDS));
  const text = utf8(JSON.stringify(result));
  const parts = [text, sign(utf8("word")).slice(0, 4), sign(text)];
  return ["minigpt1", ...parts.map(base64url)].join(".");
}

// Half a character, which a browser's field may hold, becomes a �.
export function wellFormed(text) {
  return new TextDecoder().decode(utf8(text));
}

function utf8(text) {
  return new TextEncoder().encode(text);
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
