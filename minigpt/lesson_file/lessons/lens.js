// Logit lens: what the model would say if it stopped after each block.

import { drawBars } from "./bars.js";
import { fillTable, markCell } from "./lens_table.js";
import { predict } from "./prediction.js";
import { distributions, likeliest } from "./reading.js";
import { displayPiece, probabilityText } from "./texts.js";

export function lensLesson(panel, lesson) {
  const { model, tokenizer } = lesson;
  const question = element("div", "", panel);
  const body = element("div", "", panel);
  body.hidden = true;
  element("p", "note", body, "Each column reads one more token of the prompt; each row is one "
    + "block further. A cell names the token that is likeliest next there; more ink, likelier.");
  const table = element("table", "lens", element("div", "scroll", body));
  const title = element("h3", "", body);
  const bars = element("div", "", body);
  const state = { row: model.config.num_layers, column: Infinity };
  let [reading, rows] = [null, null];

  function draw() {
    fillTable(table, reading.pieces, tableRows(lesson, rows), choose);
    choose(state.row, reading.tokens.length - 1);
    table.parentElement.scrollLeft = table.scrollWidth;
  }
  function choose(row, column) {
    Object.assign(state, { row, column });
    markCell(table, row, column);
    say(title, `${nameOf(row)}, after ${reading.pieces[column]}`);
    const after = rows[row][column];
    drawBars(bars, likeliest(after, 8), { tokenizer, before: null, after });
  }
  return { show(next) {
    reading = next;
    rows = lensOf(model, reading);
    if (!question.childElementCount) ask(question, lesson, reading, rows, () => {
      body.hidden = false;
      draw();
    });
    if (!body.hidden) draw();
  } };
}

const nameOf = (row) => (row ? `After block ${row - 1}` : "Embedding");

// The distributions before the first block, and after each: [row][position] of [vocab].
export function lensOf(model, reading) {
  const names = ["blocks.0.hook_resid_pre", ...Array.from({ length: model.config.num_layers },
    (_, layer) => `blocks.${layer}.hook_resid_post`)];
  return names.map((name) => distributions(model, reading, name));
}

// What the table shows of each distribution: its likeliest token.
function tableRows({ tokenizer }, rows) {
  return rows.map((cells, row) => ({ name: nameOf(row), cells: cells.map((probabilities) => {
    const [token] = likeliest(probabilities, 1);
    return { piece: displayPiece(tokenizer.piece(token)), probability: probabilities[token] };
  }) }));
}

function ask(place, { tokenizer, model }, reading, rows, reveal) {
  const last = reading.tokens.length - 1;
  const answers = rows.map((cells) => likeliest(cells[last], 1)[0]);
  const final = answers.at(-1);
  const first = answers.indexOf(final);
  const all = answers.map((_, row) => row);
  const others = all.filter((row) => row !== first)
    .sort((a, b) => Math.abs(a - first) - Math.abs(b - first)).slice(0, 3).sort((a, b) => a - b);
  const options = [...others, first].sort((a, b) => a - b);
  predict(place, {
    ask: ["After the whole prompt the model says ", { strong: displayPiece(tokenizer.piece(final)) },
      `. It has ${model.config.num_layers} blocks. Where does this answer first appear?`],
    options: options.map(nameOf),
    right: options.indexOf(first),
    told: [{ strong: nameOf(first) }, `, with probability ${probabilityText(rows[first][last][final])}`,
      `; at the end it has ${probabilityText(rows.at(-1)[last][final])}.`],
  }, reveal);
}
