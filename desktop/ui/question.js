// A question to the agent while it is written. Nothing is signed by it.

import { dispatch } from "./ipc.js";
import { byId, draw, textNodes } from "./text.js";

const dialog = /** @type {HTMLDialogElement} */ (byId("question"));
const about = byId("question-about");
const input = /** @type {HTMLTextAreaElement} */ (byId("question-text"));
const notice = byId("question-notice");

/** @param {import("./types").QuestionView | null} question */
export function drawQuestion(question) {
  if (question === null) {
    if (dialog.open) dialog.close();
    return;
  }
  draw(about, question.about, textNodes);
  notice.hidden = question.notice === null;
  draw(notice, question.notice ?? [], textNodes);
  input.readOnly = !question.writing;
  if (!dialog.open) {
    input.value = "";
    dialog.showModal();
    input.focus();
  }
}

const ask = () => dispatch({ do: "question", text: input.value.replaceAll("\n", " ") });

byId("question-ask").addEventListener("click", ask);
byId("question-leave").addEventListener("click", () => dispatch({ do: "back" }));
dialog.addEventListener("cancel", (event) => event.preventDefault());
dialog.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    event.preventDefault();
    dispatch({ do: "back" });
  } else if (event.key === "Enter" && event.target === input && !event.isComposing) {
    event.preventDefault();
    if (!event.repeat) ask();
  }
  event.stopPropagation();
});
