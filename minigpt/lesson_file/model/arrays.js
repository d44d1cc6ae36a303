// The two products that a transformer is made of. A matrix is a Float32Array, row after
// row; sums are made in double precision and rounded once.

// y[row, o] = Σ_i x[row, i] · weight[o, i] + bias[o]. Four rows at a time: each number of
// the weight is fetched once for all of them.
export function linear(x, weight, bias) {
  const [outputs, inputs] = weight.shape;
  const w = weight.values;
  const rows = x.length / inputs;
  const y = new Float32Array(rows * outputs);
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    const [a, b, c, d] = [0, 1, 2, 3].map((more) => (row + more) * inputs);
    for (let o = 0; o < outputs; o++) {
      let [first, second, third, fourth] = [0, 0, 0, 0];
      for (let i = 0, at = o * inputs; i < inputs; i++, at++) {
        const factor = w[at];
        first += x[a + i] * factor;
        second += x[b + i] * factor;
        third += x[c + i] * factor;
        fourth += x[d + i] * factor;
      }
      const place = row * outputs + o;
      y[place] = first;
      y[place + outputs] = second;
      y[place + 2 * outputs] = third;
      y[place + 3 * outputs] = fourth;
    }
  }
  for (; row < rows; row++)
    for (let o = 0; o < outputs; o++)
      y[row * outputs + o] = dot(x, row * inputs, w, o * inputs, inputs);
  return bias ? y.map((value, i) => value + bias.values[i % outputs]) : y;
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
  let most = -Infinity;
  for (const score of scores) if (score > most) most = score;
  const weights = Float64Array.from(scores, (score) => Math.exp(score - most));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

// The rows of a table that belong to some tokens.
export function rowsOf(table, tokens) {
  const width = table.shape[1];
  const rows = new Float32Array(tokens.length * width);
  tokens.forEach((token, place) =>
    rows.set(table.values.subarray(token * width, (token + 1) * width), place * width));
  return rows;
}
