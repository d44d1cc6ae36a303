// The MLP: what a token does, by itself, with what attention has gathered.
//
//   MLP(x) = W_out · activation(W_in x + b_in) + b_out
//   SwiGLU:  W_out · (silu(W_in x) ⊙ W_gate x)

import { linear } from "./arrays.js";

const ACTIVATIONS = {
  // GPT-2's form, x/2 · (1 + tanh y), where (1 + tanh y) / 2 is 1 / (1 + e^(−2y)).
  gelu: (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
  gelu_exact: (x) => x * shareBelow(x),
  relu: (x) => Math.max(0, x),
  relu2: (x) => Math.max(0, x) ** 2,
  swiglu: (x) => x / (1 + Math.exp(-x)), // silu; the gate is multiplied below
};
ACTIVATIONS.geglu = ACTIVATIONS.gelu;

// Φ(x) = ½ + φ(x) · (x + x³/3 + x⁵/(3·5) + …), the normal distribution's share below x.
function shareBelow(x) {
  if (Math.abs(x) > 7) return Number(x > 0); // To the last digit of 32 bits.
  let [term, sum] = [x, x];
  for (let odd = 3; Math.abs(term) > 1e-9 * Math.abs(sum); odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return 0.5 + (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}

export function feedForward(run, prefix, x) {
  const { mlp_width: width, activation, is_gated: gated } = run.model.config;
  const shape = [run.tokens.length, width];
  const project = (input, name) => linear(input, run.weight(`${prefix}.${name}.weight`),
    run.weight(`${prefix}.${name}.bias`));
  const pre = run.hook(`${prefix}.hook_pre`, project(x, "input"), shape);
  const bend = ACTIVATIONS[activation];
  let post = pre.map((value) => bend(value));
  if (gated) {
    const gate = run.hook(`${prefix}.hook_pre_linear`, project(x, "gate"), shape);
    post = post.map((value, i) => value * gate[i]);
  }
  return project(run.hook(`${prefix}.hook_post`, post, shape), "output");
}
