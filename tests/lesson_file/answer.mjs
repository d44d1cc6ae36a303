// Answers questions about a lesson file's model: node answer.mjs questions.json answers.json
//
// A question names the model's settings and weights, as the file has them, and what to do.

import fs from "node:fs";
import { beamSearch } from "../../minigpt/lesson_file/generation/beam.js";
import { continued } from "../../minigpt/lesson_file/generation/sample.js";
import { stepsOf } from "../../minigpt/lesson_file/lessons/attention.js";
import { searched } from "../../minigpt/lesson_file/lessons/beam.js";
import { stagesOf } from "../../minigpt/lesson_file/lessons/journey.js";
import { lensOf } from "../../minigpt/lesson_file/lessons/lens.js";
import { Cache } from "../../minigpt/lesson_file/model/cache.js";
import { unpackModel } from "../../minigpt/lesson_file/model/packed.js";
import { forward } from "../../minigpt/lesson_file/model/transformer.js";
import { codeOf } from "../../minigpt/lesson_file/results/code.js";
import { hmac, pbkdf2, sha256 } from "../../minigpt/lesson_file/results/sha256.js";
import { makeTokenizer } from "../../minigpt/lesson_file/tokenizers/tokenizer.js";

const packed = ({ buffer, byteOffset, byteLength }) =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

const answers = {
  // Every hook, and the logits.
  hooks({ tokens, wanted }, { model }) {
    const { logits, hooks } = forward(model, tokens, { wanted });
    return { logits: packed(logits), hooks: Object.fromEntries([...hooks].map(
      ([name, { values, shape }]) => [name, { values: packed(values), shape }])) };
  },
  // The logits without one head.
  ablated({ tokens, layer, head }, { model }) {
    const zero = (values, [, heads, width]) => values.forEach((_, i) => {
      if (Math.floor(i / width) % heads === head) values[i] = 0;
    });
    return packed(forward(model, tokens, {
      edits: { [`blocks.${layer}.attn.hook_z`]: zero } }).logits);
  },
  // The logits of every position, read in parts of some lengths.
  inParts({ tokens, lengths }, { model }) {
    const cache = new Cache();
    return lengths.map((length) => {
      const part = tokens.slice(cache.length, cache.length + length);
      return packed(forward(model, part, { cache }).logits);
    });
  },
  // What three lessons show of a text.
  lessons({ tokens, layer, head, query }, { model }) {
    const reading = { tokens, ...forward(model, tokens) };
    const steps = stepsOf(model, reading, { layer, head, query });
    const arrays = Object.entries({ ...steps, row: steps.projection.row })
      .filter(([, value]) => value instanceof Float32Array);
    return {
      stages: stagesOf(model, reading),
      lens: packed(Float32Array.from(lensOf(model, reading).flat().flatMap((p) => [...p]))),
      steps: Object.fromEntries(arrays.map(([name, values]) => [name, packed(values)])),
    };
  },
  searched({ tokens, options }, { model }) {
    return beamSearch(model, tokens, options);
  },
  // The beam search of the lesson, which cuts the prompt to fit the model.
  searchedAsShown({ tokens, ...asked }, { model }) {
    return searched({ model, settings: { eos: null } }, { tokens }, asked).returned.length;
  },
  continued({ tokens, count, options }, { model }) {
    return continued(model, tokens, count, options);
  },
  // Digests, codes and keys of bytes, in hexadecimal.
  digests({ pairs, rounds }) {
    const [read, written] = [(text) => Buffer.from(text, "hex"), (bytes) =>
      Buffer.from(bytes).toString("hex")];
    return pairs.map(([key, message]) => [sha256(read(message)), hmac(read(key))(read(message)),
      pbkdf2(read(key), read(message), rounds)].map(written));
  },
  code({ result, word }) {
    return codeOf(result, word);
  },
  // Ids, the text they stand for, and each piece.
  encoded({ texts }, { tokenizer }) {
    return texts.map((text) => {
      const ids = tokenizer.encode(text);
      return { ids, text: tokenizer.decode(ids), pieces: ids.map((id) => tokenizer.piece(id)) };
    });
  },
};

const [questions, target] = process.argv.slice(2);
const all = [];
for (const { settings, weights, ask, ...question } of JSON.parse(fs.readFileSync(questions))) {
  const model = weights && await unpackModel(settings, weights);
  const tokenizer = settings?.tokenizer && makeTokenizer(settings.tokenizer);
  all.push(answers[ask](question, { model, tokenizer }));
}
fs.writeFileSync(target, JSON.stringify(all));
