// One run of the model: every value has a name, to read it or to change it, as in Python
// (`minigpt/hooks.py`). There is one text, so arrays have no batch axis.

import { Cache } from "./cache.js";

export class Run {
  // `edits` maps a hook's name to a function that changes the value in place. `wanted`
  // names what is computed only when asked for: "hook_result". The tokens continue what the
  // `cache` has seen.
  constructor(model, tokens, { edits = {}, wanted = [], cache = new Cache() } = {}) {
    const { max_seq_len: longest, vocab_size: size } = model.config;
    const length = cache.length + tokens.length;
    if (length > longest)
      throw new RangeError(`${length} tokens, and the model reads at most ${longest}.`);
    const stranger = tokens.find((token) => !(token >= 0 && token < size));
    if (stranger !== undefined) throw new RangeError(`There is no token ${stranger}.`);
    Object.assign(this, { model, tokens, edits, wanted, cache, hooks: new Map() });
    this.start = cache.length; // The first token's position.
  }

  // Keep a value under its name, after the edit of that name, and return it.
  hook(name, values, shape) {
    this.edits[name]?.(values, shape);
    this.hooks.set(name, { values, shape });
    return values;
  }

  // The values of all positions, earlier ones included.
  all(name, values) {
    return this.cache.extended(name, values, this.tokens.length);
  }

  // A weight by its name, or undefined where the model has none of that name.
  weight(name) {
    return this.model.weights.get(name);
  }
}
