// The random numbers of PyTorch, so that a seed writes here what it writes in Python.
//
// Source: Matsumoto & Nishimura 1998, "Mersenne Twister", ACM TOMACS 8(1), MT19937.

const SIZE = 624;
const SHIFT = 397;

export class RandomNumbers {
  constructor(seed) {
    this.state = new Uint32Array(SIZE);
    this.state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const before = this.state[i - 1];
      this.state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
    this.next = SIZE;
  }

  // 32 random bits.
  bits() {
    if (this.next === SIZE) this.#renew();
    let y = this.state[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  // A waiting time with mean 1: −ln(1 − u), u from 53 bits.
  exponential() {
    const high = this.bits() & 0x1fffff;
    return -Math.log1p(-(high * 2 ** 32 + this.bits()) / 2 ** 53);
  }

  #renew() {
    const { state } = this;
    for (let i = 0; i < SIZE; i++) {
      const both = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
      state[i] = state[(i + SHIFT) % SIZE] ^ (both >>> 1) ^ (both & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }
}
