// Norms: what each sublayer does to the residual stream before it reads it.
//
//   LayerNorm  y = (x − mean(x)) / √(var(x) + ε) · weight + bias
//   RMSNorm    y = x / √(mean(x²) + ε) · weight

export function norm(run, name, x, shape) {
  const { norm: kind, norm_eps: eps } = run.model.config;
  const y = normalized(run, name, x, shape, { kind, eps });
  const [weight, bias] = ["weight", "bias"].map((part) => run.weight(`${name}.${part}`));
  const width = shape.at(-1);
  if (!weight) return y;
  return y.map((value, i) =>
    value * weight.values[i % width] + (bias ? bias.values[i % width] : 0));
}

// Numbers bent so that none is farther from 0 than a cap; as they are where there is none.
export function softcapped(values, cap) {
  return cap === null ? values : values.map((value) => cap * Math.tanh(value / cap));
}

// The vectors of known size, before the learned scale and shift.
export function normalized(run, name, x, shape, { kind, eps }) {
  const width = shape.at(-1);
  const rows = x.length / width;
  const centred = new Float32Array(x);
  const scale = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const vector = centred.subarray(row * width, (row + 1) * width);
    if (kind === "layernorm") {
      const mean = vector.reduce((sum, value) => sum + value, 0) / width;
      for (let i = 0; i < width; i++) vector[i] -= mean;
    }
    const square = vector.reduce((sum, value) => sum + value * value, 0) / width;
    scale[row] = Math.sqrt(square + eps);
  }
  run.hook(`${name}.hook_scale`, scale, [...shape.slice(0, -1), 1]);
  const y = centred.map((value, i) => value / scale[Math.floor(i / width)]);
  return run.hook(`${name}.hook_normalized`, y, shape);
}
