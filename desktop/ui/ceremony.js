// A decision while it is made: what is signed, what has to be typed, what is still missing. Asking for it is all that
// the page can do; the person confirms, and the key is unlocked, outside of it.

import { dispatch, sign } from "./ipc.js";
import { watcher } from "./sight.js";
import { button, byId, draw, element, pieceNode, plain, textNodes, textOf, wellBroken } from "./text.js";

/** @typedef {import("./types").CeremonyView} CeremonyView */
/** @typedef {import("./types").FieldView} FieldView */

/** How long a grave decision is held, in milliseconds; the style sheet fills the button in this time. */
const HOLD = 1200;

const dialog = /** @type {HTMLDialogElement} */ (byId("ceremony"));
const body = byId("ceremony-body");
const title = byId("ceremony-title");
const signed = byId("ceremony-signed");
const difference = byId("ceremony-difference");
const reasons = byId("ceremony-reasons");
const fields = byId("ceremony-fields");
const needs = byId("ceremony-needs");
const notice = byId("ceremony-notice");
const progress = byId("ceremony-progress");
const buttons = byId("ceremony-buttons");
const editor = byId("ceremony-editor");
const rewritten = /** @type {HTMLTextAreaElement} */ (byId("ceremony-text"));

/** @type {CeremonyView | null} */
let shown = null;
/** Which ceremony the fields belong to. */
let identity = "";
/** @type {Map<import("./types").Field, HTMLInputElement>} */
const inputs = new Map();
/** @type {string | null} */
let editing = null;
const sight = watcher((action, from, to) => ({ do: "showing-draft", action, from, to }));

/**
 * Draws the decision that is made, if one is.
 * @param {CeremonyView | null} ceremony
 * @param {string | null} text what is rewritten, if something is
 */
export function drawCeremony(ceremony, text) {
  shown = ceremony;
  if (ceremony === null) {
    identity = "";
    sight.away();
    if (dialog.open) dialog.close();
    return;
  }
  const now = [ceremony.request, ceremony.verdict.text, ...ceremony.fields.map(({ field }) => field)].join("/");
  const fresh = now !== identity;
  if (fresh) {
    identity = now;
    inputs.clear();
    fields.replaceChildren(...ceremony.fields.map(fieldNode));
  }
  dialog.dataset.grave = String(ceremony.grave);
  dialog.dataset.confirming = String(ceremony.confirming);
  draw(title, ceremony.verdict, (verdict) => [pieceNode(verdict)]);
  draw(signed, { signed: ceremony.signed, words: ceremony.check_words }, signedNodes);
  draw(difference, { all: ceremony.difference, editable: ceremony.rewritable }, differenceNodes);
  difference.hidden = ceremony.difference.length === 0 && !ceremony.rewritable;
  draw(reasons, ceremony.reasons, (all) => all.map(reasonNode));
  reasons.hidden = ceremony.reasons.length === 0;
  draw(needs, ceremony.requirements, (all) => all.map(needNode));
  notice.hidden = ceremony.notice === null;
  draw(notice, ceremony.notice ?? [], textNodes);
  draw(progress, ceremony.confirming ? null : ceremony.progress, progressNodes);
  draw(buttons, { over: ceremony.over, stops: ceremony.can_call_off, grave: ceremony.grave, asks: ceremony.confirming, writes: ceremony.fields.length > 0 }, buttonNodes);
  document.getElementById("ceremony-sign")?.setAttribute("aria-disabled", String(!ceremony.ready));
  for (const input of inputs.values()) {
    input.readOnly = ceremony.confirming;
  }
  drawEditor(text);
  if (!dialog.open) {
    dialog.showModal();
  }
  report();
  if (fresh) {
    (inputs.values().next().value ?? dialog).focus();
  }
}

/** @param {{ signed: CeremonyView["signed"], words: string }} what */
function signedNodes({ signed: all, words }) {
  const rows = all.flatMap(([label, value]) => [element("dt", "", label), element("dd", "", ...wellBroken(value))]);
  return [...rows, element("dt", "", "check words"), element("dd", "words", plain(words))];
}

/** @param {{ all: CeremonyView["difference"], editable: boolean }} what */
function differenceNodes({ all, editable }) {
  /** @type {Node[]} */
  const nodes = [];
  const lines = element("div", "difference-all", ...all.map((line) => element("p", "", element("span", "content", ...textNodes(line)))));
  lines.dataset.first = "0";
  const pane = element("div", "difference-lines", lines);
  pane.id = "difference-lines";
  pane.setAttribute("tabindex", "0");
  pane.setAttribute("role", "region");
  pane.setAttribute("aria-label", "What it changes about what was asked");
  pane.addEventListener("scroll", report, { passive: true });
  if (all.length > 0) nodes.push(element("h3", "", "What it changes about what was asked"), pane);
  if (editable) {
    nodes.push(button("quiet", () => dispatch({ do: "edit" }), "Rewrite the text ", element("kbd", "", "Ctrl-E")));
  }
  return nodes;
}

/** Tells what of the difference is on screen, with nothing over it. */
function report() {
  const pane = document.getElementById("difference-lines");
  const lines = /** @type {HTMLElement | null | undefined} */ (pane?.firstElementChild);
  if (shown?.instead && pane && lines && editing === null && document.visibilityState === "visible") {
    sight.look(shown.instead, [pane, body], [lines]);
  } else {
    sight.away();
  }
}

/** @param {FieldView} view */
function fieldNode({ field, label, value }) {
  const input = document.createElement("input");
  input.id = `field-${field}`;
  input.autocomplete = "off";
  input.spellcheck = field === "reason";
  input.maxLength = 1000;
  input.value = textOf(value);
  if (field === "life") input.placeholder = "90s, 30m or 2h; as long as the request where nothing is written";
  input.addEventListener("input", () => dispatch({ do: "put", field, text: input.value }));
  if (field === "name") {
    // A pasted name confirms nothing.
    for (const event of ["paste", "drop"]) {
      input.addEventListener(event, (happened) => happened.preventDefault());
    }
  }
  inputs.set(field, input);
  const name = element("label", "", plain(label));
  name.setAttribute("for", input.id);
  return element("div", "field", name, input);
}

/** @param {string} reason */
function reasonNode(reason) {
  return button("reason", () => useReason(reason), reason);
}

/** @param {string} reason */
function useReason(reason) {
  const input = inputs.get("reason");
  if (input && !input.readOnly) {
    input.value = reason;
    dispatch({ do: "put", field: "reason", text: reason });
    input.focus();
  }
}

/** @param {[boolean, string]} need */
function needNode([met, text]) {
  const node = element("li", met ? "met" : "missing", plain(`${met ? "✓" : "○"} ${text}`));
  return node;
}

/** @param {CeremonyView["progress"] | null} lines */
function progressNodes(lines) {
  if (lines === null) {
    return [element("p", "asks", "Confirm it in the window that has opened. Nothing is signed before you do.")];
  }
  return lines.map((line) => element("p", "", ...textNodes(line)));
}

/** @param {{ over: boolean, stops: boolean, grave: boolean, asks: boolean, writes: boolean }} how */
function buttonNodes({ over, stops, grave, asks, writes }) {
  if (over) {
    return [button("primary", () => dispatch({ do: "enter" }), "Close ", element("kbd", "", "Enter"))];
  }
  const back = button("quiet", () => dispatch({ do: "back" }), stops || asks ? "Call it off " : "Cancel ", element("kbd", "", "Esc"));
  if (asks || !writes) {
    return [back];
  }
  const go = grave ? holdButton() : button("primary", commit, "Sign ", element("kbd", "", "Ctrl-S"));
  go.id = "ceremony-sign";
  return grave ? [back, twoStep(), go] : [back, go];
}

/**
 * A button that is held, with the pointer, or with Space or Enter, and then let go: a key that is still down would go on
 * to type in the prompt that opens.
 */
function holdButton() {
  const words = plain("Hold to sign");
  const node = button("primary hold", () => {}, words, " ", element("kbd", "", "Ctrl-S"));
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  let ripe = false;
  const leave = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    ripe = false;
    words.textContent = "Hold to sign";
    node.classList.remove("held");
  };
  const release = () => {
    const signs = ripe;
    leave();
    if (signs) commit();
  };
  const press = () => {
    if (timer !== null) return;
    node.classList.add("held");
    timer = setTimeout(() => {
      ripe = true;
      words.textContent = "Let go to sign";
    }, HOLD);
  };
  node.addEventListener("pointerdown", press);
  node.addEventListener("pointerup", release);
  for (const event of ["pointerleave", "pointercancel", "blur"]) {
    node.addEventListener(event, leave);
  }
  node.addEventListener("keydown", (event) => {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      if (!event.repeat) press();
    }
  });
  node.addEventListener("keyup", release);
  return node;
}

/** For who cannot hold a button: two presses. */
function twoStep() {
  const node = button("quiet", () => {
    if (node.dataset.armed === "true") {
      commit();
    } else {
      node.dataset.armed = "true";
      node.textContent = "Press again to sign";
    }
  }, "Sign in two steps");
  node.addEventListener("blur", () => {
    node.dataset.armed = "false";
    node.textContent = "Sign in two steps";
  });
  return node;
}

function commit() {
  if (shown === null) return;
  /** @type {[import("./types").Field, string][]} */
  const typed = [...inputs].map(([field, input]) => [field, input.value]);
  sign({ request: shown.request, view_digest: shown.view_digest, typed });
}

/** @param {string | null} text */
function drawEditor(text) {
  const [begins, ends] = [text !== null && editing === null, text === null && editing !== null];
  if (text !== editing) {
    editing = text;
    rewritten.value = text ?? "";
  }
  editor.hidden = text === null;
  // What is written is all that there is to do meanwhile.
  dialog.dataset.editing = String(text !== null);
  if (begins) rewritten.focus();
  if (ends) (inputs.values().next().value ?? dialog).focus();
}

const useText = () => dispatch({ do: "edited", text: rewritten.value });
byId("ceremony-edited").addEventListener("click", useText);
byId("ceremony-unedited").addEventListener("click", () => dispatch({ do: "leave-editor" }));

/** @param {HTMLElement} from */
function nextField(from) {
  const all = [...inputs.values()];
  const next = all[all.findIndex((input) => input === from) + 1];
  if (next) next.focus();
  else document.getElementById("ceremony-sign")?.focus();
}

dialog.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const control = event.ctrlKey && !event.altKey && !event.metaKey;
  if (event.key === "Escape") {
    event.preventDefault();
    dispatch({ do: editing === null ? "back" : "leave-editor" });
  } else if (control && event.key === "s" && editing !== null) {
    // What is struck while a text is written is about that text.
    event.preventDefault();
    if (!event.repeat) useText();
  } else if (control && event.key === "s") {
    event.preventDefault();
    // What is grave is held, not struck.
    if (shown?.grave) document.getElementById("ceremony-sign")?.focus();
    else if (!event.repeat) commit();
  } else if (control && event.key === "e") {
    event.preventDefault();
    dispatch({ do: "edit" });
  } else if (control && event.key === "r") {
    event.preventDefault();
    const all = shown?.reasons ?? [];
    const at = all.indexOf(inputs.get("reason")?.value ?? "");
    const next = all[(at + 1) % Math.max(all.length, 1)];
    if (next !== undefined) useReason(next);
  } else if ((event.key === "PageDown" || event.key === "PageUp") && editing === null) {
    const pane = document.getElementById("difference-lines");
    if (pane) {
      event.preventDefault();
      pane.scrollBy({ top: (event.key === "PageDown" ? 0.9 : -0.9) * pane.clientHeight });
    }
  } else if (event.key === "Enter" && shown?.over) {
    event.preventDefault();
    if (!event.repeat) dispatch({ do: "enter" });
  } else if (event.key === "Enter" && target instanceof HTMLInputElement) {
    // Enter goes on; it never decides.
    event.preventDefault();
    nextField(target);
  }
  event.stopPropagation();
});
dialog.addEventListener("cancel", (event) => event.preventDefault());
body.addEventListener("scroll", report, { passive: true });
window.addEventListener("resize", report);
