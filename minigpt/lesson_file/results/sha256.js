// SHA-256, HMAC and PBKDF2. A browser's own stand only on pages that it holds for secure: not
// on a school's server without a certificate.
//
// Sources: NIST FIPS 180-4 (2015), sections 4 to 6; RFC 2104 (1997); RFC 8018 (2017), 5.2.

const BLOCK = 64; // Bytes.

const PRIMES = primes(64);
const CONSTANTS = PRIMES.map((prime) => fraction(Math.cbrt(prime)));
const START = Uint32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

function primes(count) {
  const found = [];
  for (let number = 2; found.length < count; number++)
    if (found.every((prime) => number % prime)) found.push(number);
  return found;
}

// The first 32 bits behind the point.
function fraction(number) {
  return Math.floor((number % 1) * 2 ** 32) | 0;
}

const turned = (word, bits) => (word >>> bits) | (word << (32 - bits));

// The state after one more block: [64 bytes], from `start` on.
function compressed(state, bytes, start = 0) {
  const words = new Int32Array(64);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, BLOCK);
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(4 * i);
  for (let i = 16; i < 64; i++) {
    const [early, late] = [words[i - 15], words[i - 2]];
    words[i] = words[i - 16] + words[i - 7]
      + (turned(early, 7) ^ turned(early, 18) ^ (early >>> 3))
      + (turned(late, 17) ^ turned(late, 19) ^ (late >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const first = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g))
      + CONSTANTS[i] + words[i];
    const second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22))
      + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  return Uint32Array.of(a, b, c, d, e, f, g, h).map((word, i) => word + state[i]);
}

// The digest [32 bytes] of `bytes`; the `state` has read so many bytes `before` them.
function finished(state, bytes, before) {
  const blocks = Math.ceil((bytes.length + 9) / BLOCK);
  const padded = new Uint8Array(blocks * BLOCK);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(before + bytes.length) * 8n);
  for (let block = 0; block < blocks; block++) state = compressed(state, padded, block * BLOCK);
  state.forEach((word, i) => view.setUint32(4 * i, word));
  return padded.slice(0, 32);
}

export function sha256(bytes) {
  return finished(START, bytes, 0);
}

// The function that makes the code [32 bytes] of a message with this key.
export function hmac(key) {
  const block = new Uint8Array(BLOCK);
  block.set(key.length > BLOCK ? sha256(key) : key);
  const [inner, outer] = [0x36, 0x5c].map((pad) =>
    compressed(START, block.map((byte) => byte ^ pad)));
  return (message) => finished(outer, finished(inner, message, BLOCK), BLOCK);
}

// A key [32 bytes] of a password: each guess at it costs so many rounds.
export function pbkdf2(password, salt, rounds) {
  const code = hmac(password);
  let last = code(Uint8Array.of(...salt, 0, 0, 0, 1));
  const key = last.slice();
  for (let round = 1; round < rounds; round++) {
    last = code(last);
    for (let i = 0; i < key.length; i++) key[i] ^= last[i];
  }
  return key;
}
