// What the reader answered. Each lesson but Attention asks one question, and the first answer
// to it counts. A learning platform keeps it, where there is one; and it may be handed in.

import { findPlatform, openSession } from "./scorm.js";

const ASKING = ["home", "head_explorer", "generation", "beam_search", "tokenizer", "logit_lens"];

// `bodies`: the element of each lesson, by its name. Returns what becomes of the answers: for
// each lesson whether it was right, and what was `given` in this session.
export function keepAnswers(place, bodies) {
  const record = { answers: {}, given: {} };
  const report = reporter(place, record.answers);
  for (const name of ASKING) bodies[name].addEventListener("answered", ({ detail }) => {
    if (name in record.answers) return;
    record.answers[name] = detail.isRight;
    record.given[name] = detail.given;
    report();
  });
  return record;
}

// Returns the function that tells the platform; what an earlier session left is added to
// `answers`.
function reporter(place, answers) {
  const silent = () => {};
  const platform = findPlatform(window);
  if (!platform) return silent;
  const note = element("p", "note", place);
  note.setAttribute("role", "status");
  const session = openSession(platform);
  if (!session?.isKept) {
    say(note, session ? "Your learning platform opened this lesson for review: answers are not kept."
      : "Your learning platform did not open a session: answers are not kept.");
    return silent;
  }
  Object.assign(answers, known(session.earlier));
  const isAgain = Object.keys(answers).length > 0;
  const report = () => {
    const results = resultsOf(answers);
    say(note, sentence(results, session.report(results)),
      isAgain ? " What you answered the last time counts as it was." : "");
  };
  addEventListener("pagehide", () => session.finish(resultsOf(answers)));
  // A page that a browser brings back has ended its session: it begins another.
  addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });
  report();
  return report;
}

function known(earlier) {
  return Object.fromEntries(ASKING.filter((name) =>
    earlier[name] === null || typeof earlier[name] === "boolean")
    .map((name) => [name, earlier[name]]));
}

// `answers`: for each lesson whether its answer was right; null where nothing could be asked.
export function resultsOf(answers) {
  const given = Object.values(answers);
  const unasked = given.filter((each) => each === null).length;
  return {
    answers,
    answered: given.length - unasked,
    asked: ASKING.length - unasked,
    right: given.filter((each) => each === true).length,
    isDone: given.length === ASKING.length,
  };
}

function sentence({ answered, asked, right, isDone }, isTaken) {
  const count = isDone ? `All ${asked} questions answered, ${right} right: the lesson is complete.`
    : `${answered} of ${asked} questions answered, ${right} right.`;
  return `${count} ${isTaken ? "Your learning platform has it."
    : "Your learning platform did not take it."}`;
}
