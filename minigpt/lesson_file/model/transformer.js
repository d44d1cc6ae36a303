// The model: tokens in, a score for every possible next token out.
//
//   tokens ─ embedding ─(ln_embed)─(+ token before)─(+ positions)─ block ─ … ─ block
//   ─ ln_final ─ head ─ logits
//
// It is `minigpt/model/transformer.py` in another language, and every value has the same
// name. Tests hold each of them to the Python model's.

import { added, linear, rowsOf } from "./arrays.js";
import { attention } from "./attention.js";
import { feedForward } from "./feedforward.js";
import { norm, normalized, softcapped } from "./norm.js";
import { positionVectors } from "./positions.js";
import { Run } from "./run.js";

// Run the model on tokens. Returns the logits [pos vocab] and every hook by its name, a
// Map of { values, shape }. Options: see `Run`; with `lastOnly`, logits of the last
// position alone.
export function forward(model, tokens, { lastOnly = false, ...options } = {}) {
  const run = new Run(model, tokens, options);
  let x = embed(run);
  for (let layer = 0; layer < model.config.num_layers; layer++) x = block(run, layer, x);
  run.cache.length += tokens.length;
  const final = norm(run, "ln_final", x, [tokens.length, model.config.d_model]);
  const read = lastOnly ? final.subarray(-model.config.d_model) : final;
  return { logits: unembed(model, read), hooks: run.hooks };
}

function embed(run) {
  const { tokens, model } = run;
  const { d_model: width, norm_eps: eps } = model.config;
  const shape = [tokens.length, width];
  const { embedding_scale: scale } = model.config;
  const rows = rowsOf(run.weight("token_embedding.weight"), tokens);
  let embedded = run.hook("hook_embed", rows.map((value) => value * scale), shape);
  if (model.config.embedding_norm)
    embedded = normalized(run, "ln_embed", embedded, shape, { kind: "rmsnorm", eps });
  let x = embedded;
  if (model.config.token_shift) {
    const mix = run.weight("token_shift.mix").values;
    const all = run.all("embedding", embedded);
    const before = (run.start - 1) * width; // Nothing stands before the first token.
    const shift = embedded.map((_, i) => (all[before + i] ?? 0) * mix[i % width]);
    x = added(x, run.hook("hook_token_shift", shift, shape));
  }
  const positions = positionVectors(model, run.start, tokens.length);
  return positions ? added(x, run.hook("hook_pos_embed", positions, shape)) : x;
}

//   resid_mid  = resid_pre + attn(ln1(resid_pre))
//   resid_post = resid_mid + mlp(ln2(resid_mid)), or mlp(ln2(resid_pre)) with a parallel MLP
// With norms behind them, what attention and MLP add is normalised first.
function block(run, layer, before) {
  const at = `blocks.${layer}`;
  const shape = [run.tokens.length, run.model.config.d_model];
  const read = run.hook(`${at}.hook_resid_pre`, before.slice(), shape);
  let x = read;
  const { parallel_mlp: parallel, post_norms: after } = run.model.config;
  let attended = attention(run, `${at}.attn`, norm(run, `${at}.ln1`, x, shape));
  if (after) attended = norm(run, `${at}.ln1_post`, attended, shape);
  x = added(x, run.hook(`${at}.hook_attn_out`, attended, shape));
  if (run.model.config.mlp_width) {
    x = run.hook(`${at}.hook_resid_mid`, x, shape);
    const input = parallel ? read : x;
    let made = feedForward(run, `${at}.mlp`, norm(run, `${at}.ln2`, input, shape));
    if (after) made = norm(run, `${at}.ln2_post`, made, shape);
    x = added(x, run.hook(`${at}.hook_mlp_out`, made, shape));
  }
  return run.hook(`${at}.hook_resid_post`, x, shape);
}

// Compare final vectors [pos d_model] with every token's, and bend the logits, if they are.
export function unembed(model, final) {
  const table = model.weights.get("head.weight") ?? model.weights.get("token_embedding.weight");
  const logits = linear(final, table, model.weights.get("head.bias"));
  return softcapped(logits, model.config.logit_softcap);
}
