// A signed result, shown to whoever made it: to copy, to download, and where this page stands
// in a frame, given to the page around it. For lesson files and the app alike.

// The site in whose page this one stands, by its address: nobody else gets the message. Null
// where there is none, or it can't be told.
function embedder() {
  if (window.parent === window) return null;
  try {
    const { origin } = new URL(location.ancestorOrigins?.[0] ?? document.referrer);
    return /^https?:/.test(origin) ? origin : null;
  } catch {
    return null;
  }
}

// Who will be given the code, in a sentence to be read before it is made.
function whoIsTold(site) {
  return site ? `This lesson is shown in a page of ${site}, which is given the code, too.`
    : "Nobody else is told: send the code yourself.";
}

function giveTo(site, code, result) {
  window.parent.postMessage({ type: "minigpt-result", code, result }, site);
}

// A field with the code, and the ways to take it along; `note` says what became of them.
// Hidden until `show` is called with a code, and the name of whose it is.
function shownCode(box, note) {
  const whole = element("div", "code_box", box);
  whole.hidden = true;
  const label = element("label", "field", whole, "Your code");
  const code = Object.assign(element("textarea", "", label), { rows: 4, readOnly: true });
  const row = element("div", "options", whole);
  const copy = Object.assign(element("button", "", row, "Copy"), { type: "button" });
  copy.onclick = () => {
    code.select();
    // The newer way is closed to a page without a certificate, and in most frames.
    say(note, document.execCommand("copy") ? "Copied." : "Press Ctrl+C to copy it.");
  };
  const link = element("a", "", row, "Download");
  return {
    show(text, name) {
      whole.hidden = false;
      code.value = text;
      URL.revokeObjectURL(link.href);
      link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
      link.download = `${[...(name.match(/[\p{L}\p{N}]+/gu) ?? []), "result"].join("-")}.txt`;
    },
  };
}
