// One run of the model: every value has a name, to read it or to change it, as in Python
// (`minigpt/hooks.py`). There is one text, so arrays have no batch axis.

export class Run {
  // `edits` maps a hook's name to a function that changes the value in place. `wanted`
  // names what is computed only when asked for: "hook_result".
  constructor(model, tokens, { edits = {}, wanted = [] } = {}) {
    const { max_seq_len: longest, vocab_size: size } = model.config;
    if (tokens.length > longest)
      throw new RangeError(`${tokens.length} tokens, and the model reads at most ${longest}.`);
    const stranger = tokens.find((token) => !(token >= 0 && token < size));
    if (stranger !== undefined) throw new RangeError(`There is no token ${stranger}.`);
    Object.assign(this, { model, tokens, edits, wanted, hooks: new Map() });
  }

  // Keep a value under its name, after the edit of that name, and return it.
  hook(name, values, shape) {
    this.edits[name]?.(values, shape);
    this.hooks.set(name, { values, shape });
    return values;
  }

  // A weight by its name, or undefined where the model has none of that name.
  weight(name) {
    return this.model.weights.get(name);
  }
}
