// What the rows of a sheet hold, and how they follow from each other.

function unpackHead(data) {
  const floats = (packed) => packed && decodeFloats(packed);
  const vectors = (packed) => packed && inRows(decodeFloats(packed), data.width);
  // What tells one content of the bench from another.
  const version = [data.query, data.raw, data.pattern, data.scores, data.divisor,
    data.weighed?.pattern, ...data.leftOut, ...data.pieces].join(" ");
  const head = { ...data, version };
  for (const name of ["k", "v", "plainK"]) head[name] = vectors(data[name]);
  for (const name of ["x", "q", "z", "plainQ", "raw", "scaled", "bent", "bias", "biased", "scores",
    "pattern", "before"])
    head[name] = floats(data[name]);
  head.projection = { ...data.projection, row: floats(data.projection.row) };
  if (data.weighed)
    head.weighed = { ...data.weighed, pattern: floats(data.weighed.pattern),
      z: floats(data.weighed.z) };
  head.steps = data.rowNames.filter((name) =>
    (name !== "turned" || data.turned) && (!["bent", "bias"].includes(name) || data[name]));
  head.root = Math.sqrt(head.width);
  head.limit = largest([head.raw, head.biased ?? [], head.scores]);
  head.keyLimit = largest([...head.k, head.q]);
  head.valueLimit = largest(head.v);
  return head;
}

// The row below the softmax's input for another divisor, as the model computes it.
function divideBy(head, divisor) {
  head.before ??= head.pattern;
  head.divisor = divisor;
  const readable = head.scores.map(Number.isFinite);
  head.scaled = head.raw.map((value) => value / divisor);
  if (head.bent)
    head.bent = head.scaled.map((value) => head.softcap * Math.tanh(value / head.softcap));
  const bent = head.bent ?? head.scaled;
  if (head.bias) head.biased = bent.map((value, key) => value + head.bias[key]);
  head.scores = (head.biased ?? bent).map((value, key) =>
    readable[key] ? value : -Infinity);
  const most = Math.max(...head.scores);
  const powers = head.scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  head.pattern = powers.map((power) => power / sum);
  head.z = averaged(head.v, head.pattern);
  if (head.weighed) setWeight(head, head.weighed.key, head.weighed.weight);
}

// Give one token a weight; the others share the rest as they shared before.
function setWeight(head, key, weight) {
  let others = head.pattern.map((value, place) => (place === key ? 0 : value));
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  if (!sum(others))
    others = head.pattern.map((_, place) => Number(place !== key && mayRead(head, place)));
  const rest = sum(others);
  const pattern = rest ? others.map((value, place) =>
    place === key ? weight : value * (1 - weight) / rest) : head.pattern;
  head.weighed = { key, weight, pattern, z: averaged(head.v, pattern) };
}

function averaged(vectors, weights) {
  return vectors[0].map((_, i) =>
    weights.reduce((sum, weight, key) => sum + weight * vectors[key][i], 0));
}

// The weights that the values are averaged with, and their average.
function weightsOf(head) {
  return head.weighed?.pattern ?? head.pattern;
}

function outputOf(head) {
  return head.weighed?.z ?? head.z;
}

function isChanged(head) {
  return head.leftOut.length > 0 || head.divisor !== null;
}

function mayRead(head, key) {
  return Number.isFinite(head.scores[key]);
}

function strongestOf(weights) {
  return weights.indexOf(Math.max(...weights));
}
