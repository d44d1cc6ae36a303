// A session with a learning platform, by the calls of SCORM 1.2. The platform offers them as
// an object `API`, in a frame that holds this page or in the window that opened it.

const MOST_FRAMES = 10; // A platform nests a few; a page that nests more is none.
const ENDED = ["completed", "passed", "failed"];

// Returns the platform's calls, or null: then nobody keeps what is answered.
export function findPlatform(page) {
  return above(() => page.parent) ?? above(() => page.opener) ?? above(() => page.top.opener);
}

function above(first) {
  try {
    let frame = first();
    for (let level = 0; frame && level < MOST_FRAMES; level++) {
      if (typeof frame.API?.LMSInitialize === "function") return frame.API;
      if (frame.parent === frame) break;
      frame = frame.parent;
    }
  } catch { /* A frame of another site may not be asked. */ }
  return null;
}

// Opens a session, or returns null where the platform refuses. `earlier` is what an earlier
// session of this reader left; `report` tells whether the platform took what it was given.
export function openSession(api, now = Date.now) {
  const call = (name, ...values) => {
    try { return String(api[name](...values)); } catch { return "false"; }
  };
  if (call("LMSInitialize", "") !== "true") return null;
  const began = now();
  const get = (name) => call("LMSGetValue", `cmi.${name}`);
  const set = (name, value) => call("LMSSetValue", `cmi.${name}`, String(value)) === "true";
  const isKept = !["review", "browse"].includes(get("core.lesson_mode"));
  const hadEnded = ENDED.includes(get("core.lesson_status"));
  let isOpen = true;

  function write({ answers, asked, right, isDone }) {
    const taken = [
      // A platform that has a result and forgot the answers keeps its result until all are given.
      !hadEnded || isDone ? [["score.min", 0], ["score.max", 100],
        ["score.raw", Math.round((100 * right) / asked)]] : [],
      hadEnded ? [] : [["lesson_status", isDone ? "completed" : "incomplete"]],
      [["session_time", duration(now() - began)], ["exit", isDone ? "" : "suspend"]],
    ].flat().map(([name, value]) => set(`core.${name}`, value));
    taken.push(set("suspend_data", JSON.stringify(answers)));
    return call("LMSCommit", "") === "true" && taken.every(Boolean);
  }
  return {
    isKept,
    earlier: parsed(get("suspend_data")),
    report: (results) => isOpen && isKept && write(results),
    finish(results) {
      if (!isOpen) return;
      if (isKept) write(results);
      call("LMSFinish", "");
      isOpen = false;
    },
  };
}

function parsed(text) {
  try { return Object(JSON.parse(text)); } catch { return {}; }
}

// HHHH:MM:SS.SS, as SCORM 1.2 writes a time span.
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  const hundredths = two((milliseconds % 1000) / 10);
  return `${String(Math.floor(seconds / 3600)).padStart(4, "0")}:${two((seconds / 60) % 60)}:`
    + `${two(seconds % 60)}.${hundredths}`;
}
