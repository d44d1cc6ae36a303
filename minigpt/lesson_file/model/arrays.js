// The two products that a transformer is made of. A matrix is a Float32Array, row after
// row; sums are made in double precision and rounded once.

// y[row, o] = Σ_i x[row, i] · weight[o, i] + bias[o]. Four rows at a time, side by side:
// each number of the weight is fetched once for all of them.
export function linear(x, weight, bias) {
  const [outputs, inputs] = weight.shape;
  const w = weight.values;
  const rows = x.length / inputs;
  const y = new Float32Array(rows * outputs);
  const four = new Float64Array(4 * inputs);
  for (let row = 0; row < rows; row += 4) {
    const count = Math.min(4, rows - row);
    for (let i = 0; i < inputs; i++)
      for (let r = 0; r < 4; r++) four[4 * i + r] = r < count ? x[(row + r) * inputs + i] : 0;
    for (let o = 0; o < outputs; o++) {
      const start = bias ? bias.values[o] : 0;
      let a = start;
      let b = start;
      let c = start;
      let d = start;
      for (let i = 0, at = o * inputs; i < 4 * inputs; i += 4, at++) {
        const factor = w[at];
        a += four[i] * factor;
        b += four[i + 1] * factor;
        c += four[i + 2] * factor;
        d += four[i + 3] * factor;
      }
      const place = row * outputs + o;
      y[place] = a;
      if (count > 1) y[place + outputs] = b;
      if (count > 2) y[place + 2 * outputs] = c;
      if (count > 3) y[place + 3 * outputs] = d;
    }
  }
  return y;
}

// Σ_i a[from + i] · b[start + i]
export function dot(a, from, b, start, count) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[from + i] * b[start + i];
  return sum;
}

export function added(a, b) {
  return a.map((value, i) => value + b[i]);
}

// The softmax of scores; −∞ becomes exactly 0.
export function softmax(scores) {
  const weights = new Float64Array(scores);
  let [most, sum] = [-Infinity, 0];
  for (const score of weights) most = Math.max(most, score);
  for (let i = 0; i < weights.length; i++) sum += weights[i] = Math.exp(weights[i] - most);
  for (let i = 0; i < weights.length; i++) weights[i] /= sum;
  return weights;
}

// The rows of a table that belong to some tokens.
export function rowsOf(table, tokens) {
  const width = table.shape[1];
  const rows = new Float32Array(tokens.length * width);
  tokens.forEach((token, place) =>
    rows.set(table.values.subarray(token * width, (token + 1) * width), place * width));
  return rows;
}
