// Candidates for the next token: one button each, with its probability as a bar from 0 to 1.

export default function nextTokens({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".next_tokens");
  root.replaceChildren(...data.candidates.map((candidate) => {
    const row = element("button", "candidate");
    row.type = "button";
    row.title = `${candidate.piece}: probability ${candidate.text}. Append it`;
    element("span", "piece", row, candidate.piece);
    const track = element("span", "track", row);
    const width = `max(2px, ${clamp(candidate.probability, 0, 1) * 100}%)`;
    element("span", "bar", track).style.width = width;
    element("span", "number", row, candidate.text);
    row.onclick = () => setTriggerValue("picked", { value: candidate.token });
    return row;
  }));
}
