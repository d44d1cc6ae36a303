// Streamlit pushes an entry for each change of the address, and a page may make several
// as it opens. Another page is a new entry; other parameters are the same entry, changed.

export default function page_history() {
  if (window.minigptHistory) return; // This script runs again after each run of the page.
  const push = window.history.pushState;
  window.minigptHistory = true;
  window.history.pushState = function pushPage(state, title, address) {
    const isSamePage = new URL(address, location.href).pathname === location.pathname;
    if (isSamePage) window.history.replaceState(state, title, address);
    else push.call(window.history, state, title, address);
  };
}
