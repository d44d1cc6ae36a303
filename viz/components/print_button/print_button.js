// A button for the browser's print dialog, and a word to the style sheet beforehand.

export default function printButton({ data, parentElement }) {
  const root = parentElement.querySelector(".print_button");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = data.label;
  button.addEventListener("click", () => window.print());
  root.replaceChildren(button);

  function tellTheme() {
    document.documentElement.dataset.printedFrom = isDark(root) ? "dark" : "light";
  }
  window.addEventListener("beforeprint", tellTheme);
  return () => window.removeEventListener("beforeprint", tellTheme);
}
