"""What learners handed in from a lesson: pasted or uploaded, and checked."""

import streamlit as st

from minigpt.lesson_file.handed_in import HandedIn, check, to_csv
from pages.frame.server.uploads import uploader

_MOST_MEGABYTES = 1


def show() -> None:
    """Check codes with the class's word, and offer them as a table."""
    st.subheader("Results", anchor=False)
    st.caption(
        "Below a lesson’s Check, and in a lesson file, learners make a code of their "
        "name and answers, with a word that you give the class. Here you see which "
        "codes were made with that word and not altered since. Anybody who knows the "
        "word can make any result. Nothing is kept here."
    )
    word = st.text_input("The class’s word", type="password", key="_result_word")
    pasted = st.text_area("Codes", key="_result_codes", placeholder="minigpt1.…")
    files = uploader(
        "Files that learners sent",
        megabytes=_MOST_MEGABYTES,
        type="txt",
        accept_multiple_files=True,
        key="_result_files",
    )
    sources = [
        (file.name, file.getvalue().decode("utf-8", "replace")) for file in files
    ]
    if pasted.strip():
        sources.insert(0, ("pasted", pasted))
    if not sources:
        return
    if not word.strip():
        st.info("Write the word that you gave the class.")
        return
    _show_table(check(sources, word))


def _show_table(handed_in: list[HandedIn]) -> None:
    rows = []
    for source, result, problem in handed_in:
        row = {"From": source, "Holds": problem or "Yes"}
        if result is not None:
            score = f"{result.score.right} of {result.score.asked}"
            row |= {"Name": result.name, "Lesson": result.lesson, "Score": score}
            row |= {"Made": result.time, "Model": result.model}
        rows.append(row)
    columns = ("Name", "Lesson", "Score", "Holds", "From", "Made", "Model")
    table = {name: [row.get(name, "") for row in rows] for name in columns}
    st.dataframe(table, hide_index=True)
    st.download_button(
        "Download results as CSV",
        to_csv(handed_in).encode("utf-8-sig"),
        "results.csv",
        "text/csv",
        key="results_csv",
        icon=":material/download:",
        on_click="ignore",
    )
