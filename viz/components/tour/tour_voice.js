// The words, read aloud if the reader asks for it, by a voice that lives on this machine.

const NO_VOICE = "This browser has no English voice of its own; others would need the network";

function localVoice() {
  const voices = window.speechSynthesis?.getVoices() ?? [];
  return voices.find(({ localService, lang }) => localService && lang.startsWith("en"));
}

// Offer the voice, once the browser knows its own: some tell later.
function offerVoice({ voice }, state, wordsOf) {
  const update = () => {
    voice.disabled = !localVoice();
    voice.title = voice.disabled ? NO_VOICE : "Read the words aloud";
    voice.setAttribute("aria-pressed", String(Boolean(state.voice)));
  };
  voice.onclick = () => {
    state.voice = !state.voice;
    state.spoken = null;
    if (state.voice) speak(state, wordsOf());
    else silence();
    update();
  };
  update();
  window.speechSynthesis?.addEventListener?.("voiceschanged", update);
  return () => window.speechSynthesis?.removeEventListener?.("voiceschanged", update);
}

// Say what has not been said yet: this script runs again after each run of the page.
function speak(state, words) {
  if (!state.voice || state.spoken === words) return;
  state.spoken = words;
  silence();
  const said = new SpeechSynthesisUtterance(words);
  said.voice = localVoice();
  said.rate = 0.95;
  window.speechSynthesis.speak(said);
}

function silence() {
  window.speechSynthesis?.cancel();
}
