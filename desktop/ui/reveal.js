// A masked secret: which, and why, is written here; the person is asked outside the page, it is recorded, and only then is
// the page given it, for a short time.

import { dispatch } from "./ipc.js";
import { button, byId, draw, element, plain, textNodes } from "./text.js";

/** @typedef {import("./types").RevealView} RevealView */

const dialog = /** @type {HTMLDialogElement} */ (byId("reveal"));
const title = byId("reveal-title");
const about = byId("reveal-about");
const choices = byId("reveal-choices");
const fields = byId("reveal-fields");
const reason = /** @type {HTMLInputElement} */ (byId("reveal-reason"));
const secrets = byId("reveal-secrets");
const notice = byId("reveal-notice");
const buttons = byId("reveal-buttons");

/** @type {RevealView | null} */
let shown = null;

/** @param {RevealView | null} reveal */
export function drawReveal(reveal) {
  const before = shown;
  shown = reveal;
  if (reveal === null) {
    // Nothing of it stays in the page.
    draw(secrets, [], () => []);
    if (dialog.open) dialog.close();
    return;
  }
  const clear = reveal.seconds !== null;
  title.textContent = clear ? `In the clear, ${reveal.seconds} s more` : "Show a masked secret";
  draw(about, reveal.about, (all) => all.map((line) => element("p", "", ...textNodes(line))));
  const writes = reveal.writing || reveal.confirming;
  fields.hidden = !writes;
  choices.hidden = reveal.choices.length < 2;
  if (reveal.choices.length > 0) draw(choices, reveal.choices.map(([words]) => words), choiceNodes);
  for (const input of radios()) input.disabled = !reveal.writing;
  reason.readOnly = !reveal.writing;
  secrets.hidden = reveal.secrets.length === 0;
  draw(secrets, reveal.secrets, (all) => all.map((line) => element("p", "", ...textNodes(line))));
  const told = reveal.confirming ? [plain("Confirm it in the window that has opened. Nothing is recorded or shown before you do.")] : reveal.notice === null ? [] : textNodes(reveal.notice);
  notice.hidden = told.length === 0;
  notice.dataset.bad = String(!reveal.confirming && reveal.writing);
  draw(notice, { asks: reveal.confirming, notice: reveal.notice }, () => told);
  draw(buttons, { clear, writes: reveal.writing }, buttonNodes);
  if (!dialog.open) {
    reason.value = "";
    dialog.showModal();
    reason.focus();
  } else if (clear && before?.seconds === null) {
    secrets.focus();
  }
}

const radios = () => /** @type {HTMLInputElement[]} */ ([...choices.querySelectorAll("input")]);

/** @param {import("./types").Piece[][]} all */
function choiceNodes(all) {
  return all.map((words, place) => {
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "reveal-choice";
    input.value = String(place);
    input.checked = place === 0;
    return element("label", "reveal-choice", input, ...textNodes(words));
  });
}

/** @param {{ clear: boolean, writes: boolean }} how */
function buttonNodes({ clear, writes }) {
  if (clear) {
    return [button("primary", close, "Mask it again ", element("kbd", "", "Esc"))];
  }
  const back = button("quiet", close, "Cancel ", element("kbd", "", "Esc"));
  return writes ? [back, button("primary", ask, "Show it … ", element("kbd", "", "Enter"))] : [back];
}

const close = () => dispatch({ do: "back" });

function ask() {
  const choice = radios().findIndex((input) => input.checked);
  dispatch({ do: "reveal-this", choice: Math.max(choice, 0), reason: reason.value });
}

dialog.addEventListener("cancel", (event) => event.preventDefault());
dialog.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    event.preventDefault();
    close();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target === reason && shown?.writing) {
    event.preventDefault();
    const all = radios();
    const at = all.findIndex((input) => input.checked) + (event.key === "ArrowDown" ? 1 : -1);
    const next = all[Math.min(Math.max(at, 0), all.length - 1)];
    if (next) next.checked = true;
  } else if (event.key === "Enter" && event.target === reason && !event.isComposing) {
    event.preventDefault();
    if (!event.repeat && shown?.writing) ask();
  }
  event.stopPropagation();
});
